#include "labctl/objects/decode_pod.hpp"

#include "topology/base/error.hpp"
#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::objects {
namespace {

using nlohmann::json;
using testing::ElementsAre;

json one_object(const std::string& text) { return manifest::load({{"t.yaml", text}}, {}).objects.at(0).json; }

TEST(DecodePod, ReadsEveryField) {
  json object = one_object(R"(
apiVersion: v1
kind: Pod
metadata: {name: web-0, uid: u1, labels: {app: web}, annotations: {note: x}}
spec:
  nodeName: node-1
  nodeSelector: {kubernetes.io/os: linux}
  hostname: shop
  subdomain: web
  setHostnameAsFQDN: true
  restartPolicy: OnFailure
  terminationGracePeriodSeconds: 5
  hostAliases: [{ip: "2001:db8::7", hostnames: [db, db.example]}]
  dnsPolicy: None
  dnsConfig: {nameservers: [198.51.100.53], searches: [example.org], options: [{name: ndots, value: "2"}, {name: edns0}]}
  initContainers: [{name: init, image: host, command: ["true"]}]
  containers:
  - name: main
    image: nginx
    command: [nginx]
    args: [-g, daemon off;]
    workingDir: /tmp
    env: [{name: A, value: b}, {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
    ports: [{name: http, containerPort: 80, hostPort: 8080}, {containerPort: 53, protocol: UDP}]
)");
  object["status"] = {{"podIPs", {{{"ip", "10.244.1.2"}}, {{"ip", "fd00:10:244:1::2"}}}}};
  const model::Pod pod = decode_pod(object);
  EXPECT_EQ(pod.key, (model::PodKey{"default", "web-0"}));
  EXPECT_EQ(pod.uid, "u1");
  EXPECT_EQ(pod.labels, (model::Labels{{"app", "web"}}));
  EXPECT_EQ(pod.annotations.at("note"), "x");
  EXPECT_EQ(pod.node_name, "node-1");
  EXPECT_EQ(pod.node_selector.size(), 1u);
  EXPECT_EQ(pod.hostname, "shop");
  EXPECT_TRUE(pod.set_hostname_as_fqdn);
  EXPECT_EQ(pod.restart_policy, model::RestartPolicy::OnFailure);
  EXPECT_EQ(pod.termination_grace, std::chrono::seconds(5));
  EXPECT_THAT(pod.host_aliases.at(0).hostnames, ElementsAre("db", "db.example"));
  EXPECT_EQ(pod.dns_policy, model::DnsPolicy::None);
  EXPECT_THAT(pod.dns_config.options, ElementsAre("ndots:2", "edns0"));
  EXPECT_EQ(pod.init_containers.at(0).command, std::vector<std::string>{"true"});
  const model::Container& main = pod.containers.at(0);
  EXPECT_EQ(main.working_dir, "/tmp");
  EXPECT_EQ(main.env.at(0), (model::EnvVar{"A", "b", ""}));
  EXPECT_EQ(main.env.at(1), (model::EnvVar{"IP", "", "status.podIP"}));
  EXPECT_THAT(main.ports, ElementsAre(model::ContainerPort{"http", 80, 8080, model::Protocol::Tcp},
                                      model::ContainerPort{"", 53, 0, model::Protocol::Udp}));
  EXPECT_THAT(pod.ips, ElementsAre(*IpAddress::parse("10.244.1.2"), *IpAddress::parse("fd00:10:244:1::2")));
}

model::Container decode_one(const json& container) {
  return decode_pod({{"metadata", {{"name", "a"}}}, {"spec", {{"containers", {container}}}}})
      .containers.at(0);
}

TEST(DecodeProbe, ReadsEveryField) {
  using Kind = model::ContainerAction::Kind;
  const model::Container container = decode_one(json::parse(R"({
    "name": "a",
    "readinessProbe": {
      "httpGet": {"path": "/ready", "port": "http", "host": "192.0.2.1", "scheme": "HTTPS",
                  "httpHeaders": [{"name": "X-A", "value": "b"}]},
      "initialDelaySeconds": 2, "periodSeconds": 3, "timeoutSeconds": 4, "successThreshold": 5,
      "failureThreshold": 6, "terminationGracePeriodSeconds": 7},
    "livenessProbe": {"tcpSocket": {"port": 80}},
    "startupProbe": {"exec": {"command": ["cat", "/tmp/x"]}},
    "lifecycle": {"preStop": {"sleep": {"seconds": 9}}}})"));
  const model::ContainerProbe& ready = *container.readiness_probe;
  EXPECT_EQ(ready.action.kind, Kind::HttpGet);
  EXPECT_EQ(ready.action.path, "/ready");
  EXPECT_EQ(ready.action.port_name, "http");
  EXPECT_EQ(ready.action.host, "192.0.2.1");
  EXPECT_TRUE(ready.action.is_https);
  EXPECT_EQ(ready.action.headers.at(0).first + ready.action.headers.at(0).second, "X-Ab");
  EXPECT_EQ(ready.initial_delay.count(), 2);
  EXPECT_EQ(ready.period.count(), 3);
  EXPECT_EQ(ready.timeout.count(), 4);
  EXPECT_EQ(ready.success_threshold, 5);
  EXPECT_EQ(ready.failure_threshold, 6);
  EXPECT_EQ(ready.termination_grace, std::chrono::seconds(7));
  EXPECT_EQ(container.liveness_probe->action.kind, Kind::TcpSocket);
  EXPECT_EQ(container.liveness_probe->action.port, 80);
  EXPECT_THAT(container.startup_probe->action.command, ElementsAre("cat", "/tmp/x"));
  EXPECT_EQ(container.pre_stop->kind, Kind::Sleep);
  EXPECT_EQ(container.pre_stop->duration.count(), 9);
}

TEST(DecodeProbe, HasTheDefaultsOfTheApi) {
  const model::Container none = decode_one({{"name", "a"}});
  EXPECT_FALSE(none.readiness_probe || none.liveness_probe || none.startup_probe || none.pre_stop);
  const model::ContainerProbe probe =
      *decode_one(
           json::parse(R"({"name": "a", "livenessProbe": {"httpGet": {"port": 80}, "periodSeconds": null}})"))
           .liveness_probe;
  EXPECT_EQ(probe, (model::ContainerProbe{probe.action, std::chrono::seconds(0), std::chrono::seconds(10),
                                          std::chrono::seconds(1), 1, 3, std::nullopt}));
  EXPECT_FALSE(probe.action.is_https);
  EXPECT_EQ(decode_one(json::parse(R"({"name": "a", "livenessProbe": {"periodSeconds": 3}})"))
                .liveness_probe->action.kind,
            model::ContainerAction::Kind::None);
}

TEST(DecodeProbe, GrpcAsksForAService) {
  const model::ContainerAction action =
      decode_one(
          json::parse(R"({"name": "a", "livenessProbe": {"grpc": {"port": 5000, "service": "shop"}}})"))
          .liveness_probe->action;
  EXPECT_EQ(action.kind, model::ContainerAction::Kind::Grpc);
  EXPECT_EQ(action.port, 5000);
  EXPECT_EQ(action.service, "shop");
}

TEST(DecodeSecurity, ReadsIdsOfThePodAndOfItsContainers) {
  const model::Pod pod = decode_pod(json::parse(R"({"metadata": {"name": "a"}, "spec": {
    "securityContext": {"runAsUser": 1000, "runAsGroup": 0, "supplementalGroups": [4, 2147483647], "fsGroup": 9},
    "containers": [{"name": "a", "securityContext": {"runAsUser": 0, "runAsNonRoot": false,
                     "readOnlyRootFilesystem": true}}, {"name": "b"}]}})"));
  EXPECT_EQ(pod.security, (model::SecurityContext{1000, 0, std::nullopt, {4, 2147483647}, 9}));
  EXPECT_EQ(pod.containers.at(0).security,
            (model::SecurityContext{0, std::nullopt, false, {}, std::nullopt, true}));
  EXPECT_EQ(pod.containers.at(1).security, model::SecurityContext());
}

TEST(DecodePort, ReadsTheHostsAddress) {
  const model::Container container =
      decode_one(json::parse(R"({"name": "a", "ports": [{"containerPort": 80, "hostIP": "127.0.0.1"},
                                                        {"containerPort": 81, "hostIP": ""}]})"));
  EXPECT_EQ(container.ports.at(0).host_ip, IpAddress::parse("127.0.0.1"));
  EXPECT_FALSE(container.ports.at(1).host_ip);
}

TEST(DecodePod, HasTheDefaultsOfTheApi) {
  const model::Pod pod =
      decode_pod(json::parse(R"({"metadata": {"name": "a"}, "spec": {"containers": []}})"));
  EXPECT_EQ(pod.key.ns, "default");
  EXPECT_EQ(pod.restart_policy, model::RestartPolicy::Always);
  EXPECT_EQ(pod.termination_grace, std::chrono::seconds(30));
  EXPECT_EQ(pod.dns_policy, model::DnsPolicy::ClusterFirst);
}

TEST(DecodePod, ThrowsOnWhatIsNoPod) {
  EXPECT_THROW(decode_pod(json::parse("{}")), Error);
  EXPECT_THROW(decode_pod(json::parse(R"({"metadata": {"name": 7}, "spec": {}})")), Error);
  EXPECT_THROW(decode_pod(json::parse("[]")), Error);
}

TEST(DecodeLabels, NullIsEmpty) { EXPECT_EQ(decode_labels(nullptr), model::Labels{}); }

TEST(DecodeLabels, ThrowsOnOtherThanTexts) { EXPECT_THROW(decode_labels(json{{"a", 1}}), Error); }

TEST(DecodePod, KnowsItsDeadlineItsHostnameAndItsJob) {
  nlohmann::json object{{"metadata", {{"name", "a"}, {"namespace", "default"}}},
                        {"spec",
                         {{"activeDeadlineSeconds", 60},
                          {"hostnameOverride", "db.example.org"},
                          {"containers", nlohmann::json::array({{{"name", "c"}, {"image", "app"}}})}}}};
  model::Pod pod = decode_pod(object);
  EXPECT_EQ(pod.active_deadline, std::chrono::seconds(60));
  EXPECT_EQ(pod.hostname_override, "db.example.org");
  EXPECT_FALSE(pod.containers.at(0).is_of_job);
  object["metadata"]["ownerReferences"] =
      nlohmann::json::array({{{"kind", "Job"}, {"uid", "u"}, {"controller", true}}});
  object["spec"]["activeDeadlineSeconds"] = 9'000'000'000'000;
  pod = decode_pod(object);
  EXPECT_TRUE(pod.containers.at(0).is_of_job);
  EXPECT_EQ(pod.active_deadline, std::chrono::seconds(INT32_MAX));
}

}  // namespace
}  // namespace labctl::objects
