// The rules of container probes, hooks and readiness gates, and the defaults they get.

#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

namespace labctl::manifest {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> said_of_pod(const std::string& spec) {
  const std::string text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {" + spec + "}\n";
  std::vector<std::string> out;
  for (const Diagnostic& d : load({{"t.yaml", text}}, {}).diagnostics) {
    out.push_back((d.severity == Severity::Error ? "E " : "W ") + d.path + ": " + d.message);
  }
  return out;
}

std::string with_container(const std::string& fields) {
  return "containers: [{name: main, image: nginx, " + fields + "}]";
}

TEST(ContainerProbes, OfEachKindAreSilent) {
  for (const char* probe : {
           "{httpGet: {port: 80}}",
           "{httpGet: {port: http, path: /healthz, host: 10.0.0.1, scheme: HTTPS, httpHeaders: [{name: X-A, "
           "value: b c}]}, initialDelaySeconds: 0, periodSeconds: 1, timeoutSeconds: 2, successThreshold: 1, "
           "failureThreshold: 1}",
           "{tcpSocket: {port: 80}}",
           "{exec: {command: [cat, /tmp/ready]}}",
       }) {
    for (const char* kind : {"livenessProbe", "readinessProbe", "startupProbe"}) {
      EXPECT_THAT(said_of_pod(with_container("ports: [{name: http, containerPort: 80}], " +
                                             std::string(kind) + ": " + probe)),
                  IsEmpty())
          << kind << probe;
    }
  }
}

TEST(ContainerProbes, RefuseInTheWordsOfTheApiServer) {
  const std::string at = "spec.containers[0].";
  const std::vector<std::pair<std::string, std::string>> refusals{
      {"readinessProbe: {}", "E " + at + "readinessProbe: Required value: must specify a handler type"},
      {"readinessProbe: {httpGet: {port: 80}, exec: {command: [a]}}",
       "E " + at + "readinessProbe.exec: Forbidden: may not specify more than 1 handler type"},
      {"readinessProbe: {httpGet: {}}", "E " + at + "readinessProbe.httpGet.port: is required"},
      {"readinessProbe: {httpGet: {port: 70000}}",
       "E " + at + "readinessProbe.httpGet.port: must be 1 to 65535, got 70000"},
      {"readinessProbe: {exec: {command: []}}", "E " + at + "readinessProbe.exec.command: must not be empty"},
      {"readinessProbe: {tcpSocket: {port: 80}, periodSeconds: -1}",
       "E " + at + "readinessProbe.periodSeconds: must be at least 0, got -1"},
      {"livenessProbe: {tcpSocket: {port: 80}, successThreshold: 2}",
       "E " + at + "livenessProbe.successThreshold: Invalid value: 2: must be 1"},
      {"startupProbe: {tcpSocket: {port: 80}, successThreshold: 2}",
       "E " + at + "startupProbe.successThreshold: Invalid value: 2: must be 1"},
      {"readinessProbe: {httpGet: {port: 80, httpHeaders: [{name: 'a b'}]}}",
       "E " + at + "readinessProbe.httpGet.httpHeaders[0].name: \"a b\" is no name of an HTTP header"},
      {"readinessProbe: {httpGet: {port: web}}",
       "W " + at +
           "readinessProbe.httpGet.port: the container has no port named \"web\", so the probe will fail"},
      {"readinessProbe: {grpc: {service: shop}}", "E " + at + "readinessProbe.grpc.port: is required"},
      {"readinessProbe: {grpc: {port: web}}",
       "E " + at + "readinessProbe.grpc.port: must be a whole number, got the text \"web\""},
      {"lifecycle: {preStop: {}}",
       "E " + at + "lifecycle.preStop: Required value: must specify a handler type"},
      {"lifecycle: {postStart: {exec: {command: [a]}, sleep: {seconds: 1}}}",
       "E " + at + "lifecycle.postStart.sleep: Forbidden: may not specify more than 1 handler type"},
      {"restartPolicy: Never", "W " + at +
                                   "restartPolicy: accepted, but has no effect in a lab: the pod's "
                                   "restartPolicy counts"},
      {"restartPolicy: Always, restartPolicyRules: [{action: Restart}]",
       "W " + at + "restartPolicyRules: accepted, but has no effect in a lab"},
      {"lifecycle: {stopSignal: SIGUSR1}",
       "E " + at +
           "lifecycle.stopSignal: Forbidden: may not be set for containers with empty `spec.os.name`"},
      {"lifecycle: {stopSignal: SIGFOO}",
       "E " + at + "lifecycle.stopSignal: Unsupported value: \"SIGFOO\": it is no signal of Linux"},
      {"restartPolicy: Sometimes", "E " + at +
                                       "restartPolicy: must be Always, OnFailure or Never, got "
                                       "\"Sometimes\""},
  };
  for (const auto& [fields, expected] : refusals) {
    EXPECT_THAT(said_of_pod(with_container(fields)), ElementsAre(expected)) << fields;
  }
  EXPECT_THAT(said_of_pod(with_container("readinessProbe: {tcpSocket: {port: 80}, successThreshold: 2}")),
              IsEmpty());
  EXPECT_THAT(said_of_pod(with_container("readinessProbe: {grpc: {port: 5000, service: shop}}")), IsEmpty());
}

TEST(ContainerProbes, AnInitContainerHasNone) {
  EXPECT_THAT(said_of_pod("initContainers: [{name: i, image: b, readinessProbe: {tcpSocket: {port: 80}}}], "
                          "containers: [{name: a, image: b}]"),
              ElementsAre("E spec.initContainers[0].readinessProbe: Forbidden: may not be set for init "
                          "containers without restartPolicy=Always"));
}

TEST(ContainerProbes, DefaultsAreThoseOfTheApiServer) {
  const Loaded loaded =
      load({{"t.yaml",
             "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: a, image: b, "
             "readinessProbe: {httpGet: {port: 80}, periodSeconds: 0, timeoutSeconds: 5}, livenessProbe: "
             "{tcpSocket: {port: 80}}, lifecycle: {preStop: {httpGet: {port: 80}}}}]}\n"}},
           {});
  ASSERT_EQ(loaded.objects.size(), 1U);
  const json& container = loaded.objects.front().json.at("/spec/containers/0"_json_pointer);
  EXPECT_EQ(container["readinessProbe"],
            json::parse(R"({"httpGet":{"port":80,"path":"/","scheme":"HTTP"},"periodSeconds":10,
                            "timeoutSeconds":5,"successThreshold":1,"failureThreshold":3})"));
  EXPECT_EQ(container["livenessProbe"],
            json::parse(R"({"tcpSocket":{"port":80},"periodSeconds":10,"timeoutSeconds":1,
                            "successThreshold":1,"failureThreshold":3})"));
  EXPECT_EQ(container["lifecycle"]["preStop"]["httpGet"]["path"], "/");
}

TEST(ReadinessGates, AreNamesOfConditions) {
  EXPECT_THAT(said_of_pod("readinessGates: [{conditionType: example.com/ready}], " +
                          with_container("ports: [{containerPort: 80, hostPort: 80, hostIP: 10.0.0.1}]")),
              IsEmpty());
  EXPECT_THAT(said_of_pod("readinessGates: [{conditionType: 'a b'}], containers: [{name: a, image: b}]"),
              ElementsAre("E spec.readinessGates[0].conditionType: must be a name, with a DNS name and \"/\" "
                          "before it if need be; got \"a b\""));
}

}  // namespace
}  // namespace labctl::manifest
