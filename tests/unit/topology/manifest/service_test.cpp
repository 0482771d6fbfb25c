// The rules of Services, each as one line of what is said about it, and the defaults they get.

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
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

// Of the object alone: whom it selects is elsewhere.
std::vector<std::string> said_of(const std::string& text, LoadOptions options = {}) {
  options.is_whole = false;
  std::vector<std::string> out;
  for (const Diagnostic& d : load({{"t.yaml", text}}, options).diagnostics) {
    out.push_back((d.severity == Severity::Error ? "E " : "W ") + d.path + ": " + d.message);
  }
  return out;
}

std::string service(const std::string& spec, const std::string& name = "web") {
  return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\nspec: {" + spec + "}\n";
}

const std::string kDualStack =
    "---\napiVersion: labctl.dev/v1alpha1\nkind: Cluster\nspec: {ipFamilies: [IPv4, IPv6]}\n";

json spec_of(const std::string& spec) {
  const Loaded loaded = load({{"t.yaml", service(spec)}}, {});
  return loaded.objects.size() == 1 ? loaded.objects.front().json.at("spec") : json();
}

TEST(ServiceRules, APlainServiceIsSilent) {
  EXPECT_THAT(said_of(service("selector: {app: web}, ports: [{port: 80}]")), IsEmpty());
}

TEST(ServiceRules, WhatAClusterExportsIsSilent) {
  EXPECT_THAT(said_of(service(
                  "clusterIP: 10.96.3.4, clusterIPs: [10.96.3.4], ipFamilies: [IPv4], ipFamilyPolicy: "
                  "SingleStack, internalTrafficPolicy: Cluster, externalTrafficPolicy: Cluster, "
                  "allocateLoadBalancerNodePorts: true, sessionAffinity: None, type: LoadBalancer, ports: "
                  "[{name: http, port: 80, protocol: TCP, targetPort: http, nodePort: 30080}]")),
              IsEmpty());
}

// Each line: a spec, and what is said of it.
TEST(ServiceRules, RefuseInTheWordsOfTheApiServer) {
  const std::vector<std::pair<std::string, std::string>> refusals{
      {"selector: {a: b}",
       "E spec.ports: Required value: a Service has ports unless it is headless or an ExternalName"},
      {"ports: [{port: 80, nodePort: 30080}]",
       "E spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"},
      {"ports: [{name: a, port: 80}, {port: 81}]",
       "E spec.ports[1].name: Required value: each port of several must have a name"},
      {"ports: [{name: a, port: 80}, {name: a, port: 81}]", "E spec.ports[1].name: Duplicate value: \"a\""},
      {"ports: [{name: a, port: 80}, {name: b, port: 80, protocol: TCP}]",
       "E spec.ports[1]: Duplicate value: {\"protocol\":\"TCP\",\"port\":80}"},
      {"type: NodePort, ports: [{name: a, port: 80, nodePort: 30080}, {name: b, port: 81, nodePort: 30080}]",
       "E spec.ports[1].nodePort: Duplicate value: 30080"},
      {"type: NodePort, ports: [{port: 80, nodePort: 80}]",
       "E spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of "
       "valid ports is 30000-32767"},
      {"type: NodePort, clusterIP: None, ports: [{port: 80}]",
       "E spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"},
      {"type: LoadBalancer, clusterIP: None, ports: [{port: 80}]",
       "E spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for LoadBalancer services"},
      {"clusterIP: 10.0.0, ports: [{port: 80}]",
       "E spec.clusterIPs[0]: Invalid value: \"10.0.0\": must be a valid IP address, (e.g. 10.9.8.7 or "
       "2001:db8::ffff)"},
      {"clusterIP: 10.96.0.9, clusterIPs: [10.96.0.8], ports: [{port: 80}]",
       "E spec.clusterIPs: Invalid value: [\"10.96.0.8\"]: first value must match `clusterIP`"},
      {"clusterIPs: [10.96.0.8], ports: [{port: 80}]",
       "E spec.clusterIPs: Invalid value: [\"10.96.0.8\"]: must be empty when `clusterIP` is not specified"},
      {"clusterIP: 10.96.0.8, clusterIPs: [10.96.0.8, 10.96.0.9], ports: [{port: 80}]",
       "E spec.clusterIPs: Invalid value: [\"10.96.0.8\",\"10.96.0.9\"]: may specify no more than one IP for "
       "each IP family"},
      {"clusterIP: 10.96.0.8, ipFamilies: [IPv6], ports: [{port: 80}]",
       "E spec.clusterIPs[0]: Invalid value: \"10.96.0.8\": expected an IPv6 value as indicated by "
       "`ipFamilies[0]`"},
      {"clusterIP: None, clusterIPs: [None, 10.96.0.8]",
       "E spec.clusterIPs: Invalid value: [\"None\",\"10.96.0.8\"]: 'None' must be the first and only value"},
      {"ipFamilies: [IPv4, IPv4], ports: [{port: 80}]", "E spec.ipFamilies[1]: Duplicate value: \"IPv4\""},
      {"ipFamilies: [IPv4, IPv6], ipFamilyPolicy: SingleStack, ports: [{port: 80}]",
       "E spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or "
       "'PreferDualStack' when multiple `ipFamilies` are specified"},
      {"type: ExternalName, externalName: a.b, clusterIP: 10.96.0.8",
       "E spec.clusterIPs: Forbidden: may not be set for ExternalName services"},
      {"type: ExternalName, externalName: a.b, ipFamilyPolicy: SingleStack",
       "E spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services"},
      {"type: ExternalName",
       "E spec.externalName: Required value: an ExternalName Service is another name for it"},
      {"type: ExternalName, externalName: WWW.example.com",
       "E spec.externalName: Invalid value: \"WWW.example.com\": a lowercase RFC 1123 subdomain must consist "
       "of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric "
       "character"},
      {"type: ExternalName, externalName: 10.0.0.1",
       "W spec.externalName: \"10.0.0.1\" is taken as a name, and no name server knows it"},
      {"externalTrafficPolicy: Local, ports: [{port: 80}]",
       "E spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for externally-accessible "
       "services"},
      {"type: LoadBalancer, healthCheckNodePort: 32000, ports: [{port: 80}]",
       "E spec.healthCheckNodePort: Invalid value: 32000: may only be set when `type` is 'LoadBalancer' and "
       "`externalTrafficPolicy` is 'Local'"},
      {"type: NodePort, loadBalancerSourceRanges: [10.0.0.0/8], ports: [{port: 80}]",
       "E spec.loadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'"},
      {"type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.0], ports: [{port: 80}]",
       "E spec.loadBalancerSourceRanges[0]: Invalid value: \"10.0.0.0\": must be a valid CIDR value, (e.g. "
       "10.9.8.0/24 or 2001:db8::/64)"},
      {"loadBalancerClass: a/b, ports: [{port: 80}]",
       "E spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"},
      {"type: NodePort, allocateLoadBalancerNodePorts: false, ports: [{port: 80}]",
       "E spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'"},
      {"externalIPs: [127.0.0.1], ports: [{port: 80}]",
       "E spec.externalIPs[0]: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, "
       "::1/128)"},
      {"externalIPs: [\"fe80::1\"], ports: [{port: 80}]",
       "E spec.externalIPs[0]: Invalid value: \"fe80::1\": may not be in the link-local range "
       "(169.254.0.0/16, fe80::/10)"},
      {"externalIPs: [239.1.1.1], ports: [{port: 80}]",
       "E spec.externalIPs[0]: Invalid value: \"239.1.1.1\": may not be in the multicast range (224.0.0.0/4, "
       "ff00::/8)"},
      {"externalIPs: [\"::\"], ports: [{port: 80}]",
       "E spec.externalIPs[0]: Invalid value: \"::\": may not be unspecified (::)"},
      {"sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}, ports: [{port: "
       "80}]",
       "E spec.sessionAffinityConfig.clientIP.timeoutSeconds: must be 1 to 86400, got 0"},
      {"ipFamilyPolicy: RequireDualStack, ports: [{port: 80}]",
       "E spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for "
       "dual-stack services"},
      {"ipFamilies: [IPv6], ports: [{port: 80}]",
       "E spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster"},
      {"clusterIP: \"fd00::8\", ports: [{port: 80}]",
       "E spec.clusterIPs[0]: Invalid value: \"fd00::8\": IPv6 is not configured on this cluster"},
      {"clusterIP: 192.0.2.1, ports: [{port: 80}]",
       "E spec.clusterIPs[0]: Invalid value: \"192.0.2.1\": failed to allocate IP 192.0.2.1: the provided IP "
       "(192.0.2.1) is not in the valid range. The range of valid IPs is 10.96.0.0/16"},
      {"clusterIP: None, internalTrafficPolicy: Local",
       "W spec.internalTrafficPolicy: has no effect: a headless Service has no address to apply it to"},
  };
  for (const auto& [spec, expected] : refusals) {
    EXPECT_THAT(said_of(service(spec)), Contains(expected)) << spec;
  }
}

TEST(ServiceRules, TellAllMistakesAtOnce) {
  EXPECT_THAT(said_of(service("type: NodePort, clusterIP: None, externalIPs: [x], loadBalancerClass: a, "
                              "ports: [{port: 0, targetPort: \"80\"}, {name: A, port: 81}]",
                              "1web")),
              ElementsAre("E metadata.name: \"1web\" is not allowed: a name of a Service begins with a "
                          "lower-case letter",
                          "E spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for "
                          "NodePort services",
                          "E spec.externalIPs[0]: Invalid value: \"x\": must be a valid IP address, (e.g. "
                          "10.9.8.7 or 2001:db8::ffff)",
                          "E spec.loadBalancerClass: Forbidden: may only be used when `type` is "
                          "'LoadBalancer'",
                          "E spec.ports[0].name: Required value: each port of several must have a name",
                          "E spec.ports[0].port: must be 1 to 65535, got 0",
                          "E spec.ports[0].targetPort: a port's number is written without quotes, got \"80\"",
                          "E spec.ports[1].name: \"A\" is not allowed: use lower-case letters, digits and "
                          "\"-\", with a letter or digit at both ends"));
}

TEST(ServiceRules, OfATypeThatIsNoneNothingFollows) {
  EXPECT_THAT(
      said_of(service("type: Nodeport, externalTrafficPolicy: Local, loadBalancerClass: a/b, "
                      "loadBalancerSourceRanges: [10.0.0.0/8], ports: [{port: 80, nodePort: 30080}]")),
      ElementsAre("E spec.type: must be ClusterIP, NodePort, LoadBalancer or ExternalName, got "
                  "\"Nodeport\""));
}

TEST(ServiceRules, AcceptWhatKubernetesAccepts) {
  for (const char* spec : {
           "clusterIP: None",
           "clusterIP: '', ports: [{port: 80}]",
           "clusterIP: None, ipFamilyPolicy: RequireDualStack",
           "clusterIP: None, ipFamilies: [IPv4, IPv6]",
           "type: ExternalName, externalName: www.example.com.",
           "type: NodePort, ports: [{name: a, port: 53, nodePort: 30053}, {name: b, port: 53, protocol: UDP, "
           "nodePort: 30053}]",
           "type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 32000, ports: [{port: "
           "80}]",
           "type: LoadBalancer, loadBalancerSourceRanges: [' 10.0.0.7/8 '], ports: [{port: 80}]",
           "trafficDistribution: PreferSameNode, ports: [{port: 80, appProtocol: kubernetes.io/h2c}]",
       }) {
    EXPECT_THAT(said_of(service(spec)), IsEmpty()) << spec;
  }
  EXPECT_THAT(
      said_of(service("externalIPs: [192.0.2.7], externalTrafficPolicy: Local, ports: [{port: 80}]")),
      ElementsAre("W spec.externalIPs: spec.externalIPs is deprecated and may no longer be implemented "
                  "in some clusters"));
  EXPECT_THAT(said_of(service("ipFamilyPolicy: RequireDualStack, ports: [{port: 80}]") + kDualStack),
              IsEmpty());
}

TEST(ServiceRules, TheOldAnnotationIsCheckedAsTheFieldIs) {
  const std::string head =
      "apiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: "
      "{service.beta.kubernetes.io/load-balancer-source-ranges: '10.0.0.0/8, here'}}\n";
  const std::string path =
      "metadata.annotations[\"service.beta.kubernetes.io/load-balancer-source-ranges\"]: ";
  EXPECT_THAT(
      said_of(head + "spec: {type: LoadBalancer, ports: [{port: 80}]}\n"),
      ElementsAre("E " + path +
                  "Invalid value: \"10.0.0.0/8, here\": must be a valid CIDR value, (e.g. 10.9.8.0/24 "
                  "or 2001:db8::/64)"));
  EXPECT_THAT(said_of(head + "spec: {ports: [{port: 80}]}\n"),
              Contains("E " + path + "Forbidden: may only be used when `type` is 'LoadBalancer'"));
}

TEST(ServiceRules, TheRangesOfARunningLabCount) {
  LoadOptions running;
  running.allow_cluster = false;
  const std::string text = service("type: NodePort, clusterIP: 10.96.0.8, ports: [{port: 80, nodePort: 80}]");
  EXPECT_THAT(said_of(text, running), IsEmpty()) << "unknown ranges refuse nothing";
  running.known_network = model::default_cluster("").network;
  running.known_network->node_port_first = 80;
  running.known_network->service_cidrs = {*Prefix::parse("10.96.0.0/30")};
  EXPECT_THAT(said_of(text, running),
              ElementsAre("E spec.clusterIPs[0]: Invalid value: \"10.96.0.8\": failed to allocate IP "
                          "10.96.0.8: the provided IP (10.96.0.8) is not in the valid range. The range of "
                          "valid IPs is 10.96.0.0/30"));
}

TEST(ServiceDefaults, AreThoseOfTheApiServer) {
  EXPECT_EQ(spec_of("ports: [{port: 80}]"),
            json::parse(R"({"type":"ClusterIP","ports":[{"port":80,"protocol":"TCP","targetPort":80}],
                            "sessionAffinity":"None","internalTrafficPolicy":"Cluster"})"));
  EXPECT_EQ(spec_of("type: LoadBalancer, sessionAffinity: ClientIP, ports: [{port: 80, targetPort: http}]"),
            json::parse(R"({"type":"LoadBalancer","ports":[{"port":80,"protocol":"TCP","targetPort":"http"}],
                            "sessionAffinity":"ClientIP",
                            "sessionAffinityConfig":{"clientIP":{"timeoutSeconds":10800}},
                            "internalTrafficPolicy":"Cluster","externalTrafficPolicy":"Cluster",
                            "allocateLoadBalancerNodePorts":true})"));
  EXPECT_EQ(spec_of("clusterIP: None"),
            json::parse(R"({"type":"ClusterIP","clusterIP":"None","sessionAffinity":"None"})"));
  EXPECT_EQ(spec_of("type: ExternalName, externalName: a.b"),
            json::parse(R"({"type":"ExternalName","externalName":"a.b","sessionAffinity":"None"})"));
  EXPECT_EQ(spec_of("externalIPs: [192.0.2.7], ports: [{port: 80}]")["externalTrafficPolicy"], "Cluster");
}

TEST(ServiceDefaults, AnAffinityThatIsGoneLeavesNoSetting) {
  const json spec = spec_of(
      "sessionAffinityConfig: {clientIP: {timeoutSeconds: 5}}, sessionAffinity: None, ports: [{port: "
      "80}]");
  EXPECT_FALSE(spec.contains("sessionAffinityConfig"));
}

// ---- Endpoints ----------------------------------------------------------------------------------
std::string slice(const std::string& rest) {
  return "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: web-1, labels: "
         "{kubernetes.io/service-name: web}}\n" +
         rest;
}

TEST(EndpointSliceRules, RefuseInTheWordsOfTheApiServer) {
  const std::vector<std::pair<std::string, std::string>> refusals{
      {"endpoints: []\n", "E addressType: is required"},
      {"addressType: IPv4\nendpoints: [{addresses: [\"fd00::1\"]}]\n",
       "E endpoints[0].addresses[0]: Invalid value: \"fd00::1\": must be a valid IPv4 address"},
      {"addressType: IPv6\nendpoints: [{addresses: [\"::1\"]}]\n",
       "E endpoints[0].addresses[0]: Invalid value: \"::1\": may not be in the loopback range (127.0.0.0/8, "
       "::1/128)"},
      {"addressType: IPv4\nendpoints: [{addresses: [10.96.0.10]}]\n",
       "E endpoints[0].addresses[0]: Invalid value: \"10.96.0.10\": may not be an address of the service "
       "range 10.96.0.0/16"},
      {"addressType: IPv4\nendpoints: [{addresses: []}]\n", "E endpoints[0].addresses: must not be empty"},
      {"addressType: FQDN\nendpoints: [{addresses: [host]}]\n",
       "E endpoints[0].addresses[0]: Invalid value: \"host\": should be a domain with at least two segments "
       "separated by dots"},
      {"addressType: IPv4\nports: [{name: a, port: 80}, {name: a, port: 81}]\n",
       "E ports[1].name: Duplicate value: \"a\""},
      {"addressType: IPv4\nports: [{port: 80}, {port: 81}]\n", "E ports[1].name: Duplicate value: \"\""},
      {"addressType: IPv4\nendpoints: [{addresses: [10.0.0.1], hints: {forZones: [{name: a}, {name: a}]}}]\n",
       "E endpoints[0].hints.forZones[1].name: Duplicate value: \"a\""},
  };
  for (const auto& [rest, expected] : refusals) {
    EXPECT_THAT(said_of(slice(rest)), Contains(expected)) << rest;
  }
}

TEST(EndpointSliceRules, AThousandEndpointsAreTheMost) {
  std::string text = "addressType: IPv4\nendpoints:\n";
  for (int i = 0; i < 1000; ++i) {
    text += "- addresses: [10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + "]\n";
  }
  EXPECT_THAT(said_of(slice(text)), IsEmpty());
  EXPECT_THAT(said_of(slice(text + "- addresses: [10.1.0.0]\n")),
              ElementsAre("E endpoints: Too many: 1001: must have at most 1000 items"));
}

TEST(EndpointSliceRules, ASliceOfNoServiceIsAWarning) {
  EXPECT_THAT(said_of("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a}\n"
                      "addressType: IPv4\n"),
              ElementsAre("W metadata: no label kubernetes.io/service-name: the slice is no Service's"));
}

TEST(EndpointSliceDefaults, ArePortsWithANameAndAProtocol) {
  const Loaded loaded = load({{"t.yaml", slice("addressType: IPv4\nports: [{port: 80}]\n")}}, {});
  ASSERT_EQ(loaded.objects.size(), 1U);
  const json& object = loaded.objects.front().json;
  EXPECT_EQ(object["ports"], json::parse(R"([{"name":"","port":80,"protocol":"TCP"}])"));
  EXPECT_EQ(object["endpoints"], json::array());
}

std::string endpoints(const std::string& subsets) {
  return "apiVersion: v1\nkind: Endpoints\nmetadata: {name: web}\nsubsets: " + subsets + "\n";
}

TEST(EndpointsRules, RefuseInTheWordsOfTheApiServer) {
  const std::vector<std::pair<std::string, std::string>> refusals{
      {"[{ports: [{port: 80}]}]",
       "E subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"},
      {"[{addresses: [{ip: 169.254.1.1}]}]",
       "E subsets[0].addresses[0].ip: Invalid value: \"169.254.1.1\": may not be in the link-local range "
       "(169.254.0.0/16, fe80::/10)"},
      {"[{addresses: [{ip: here}]}]",
       "E subsets[0].addresses[0].ip: Invalid value: \"here\": must be a valid IP address, (e.g. 10.9.8.7 or "
       "2001:db8::ffff)"},
      {"[{addresses: [{ip: 10.0.0.1}], ports: [{port: 80}, {name: b, port: 81}]}]",
       "E subsets[0].ports[0].name: Required value: each port of several must have a name"},
      {"[{notReadyAddresses: [{ip: 10.96.0.10}]}]",
       "E subsets[0].notReadyAddresses[0].ip: Invalid value: \"10.96.0.10\": may not be an address of the "
       "service range 10.96.0.0/16"},
  };
  for (const auto& [subsets, expected] : refusals) {
    EXPECT_THAT(said_of(endpoints(subsets)), Contains(expected)) << subsets;
  }
  EXPECT_THAT(
      said_of(endpoints("[{addresses: [{ip: 10.0.0.1}], ports: [{port: 80}]}]")),
      ElementsAre("W kind: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"));
}

}  // namespace
}  // namespace labctl::manifest
