#include "labctl/endpoints/service_endpoints.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace labctl::endpoints {
namespace {

using nlohmann::json;

json ready_pod() {
  return json::parse(R"({
    "apiVersion": "v1", "kind": "Pod",
    "metadata": {"name": "web-0", "namespace": "shop", "uid": "u0", "labels": {"app": "web"}},
    "spec": {"nodeName": "node-1", "containers": [
      {"name": "c", "ports": [{"name": "http", "containerPort": 8080},
                              {"name": "dns", "containerPort": 5353, "protocol": "UDP"}]}]},
    "status": {"phase": "Running", "podIP": "10.244.1.2", "podIPs": [{"ip": "10.244.1.2"}, {"ip": "fd00::2"}],
               "conditions": [{"type": "Ready", "status": "True"}]}})");
}

json web_service(const char* ports = R"([{"port": 80, "protocol": "TCP", "targetPort": 8080}])") {
  json service = json::parse(R"({
    "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop", "uid": "s0"},
    "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.20", "ipFamilies": ["IPv4"],
             "selector": {"app": "web"}}})");
  service["spec"]["ports"] = json::parse(ports);
  return service;
}

std::map<std::string, WantedEndpoints> wanted_of(const json& service, const std::vector<json>& pods,
                                                 const std::string& zone = "") {
  std::vector<EndpointPod> facts;
  for (const json& pod : pods) {
    facts.push_back(endpoint_pod(pod));
  }
  std::vector<const EndpointPod*> pointers;
  for (const EndpointPod& pod : facts) {
    pointers.push_back(&pod);
  }
  return wanted_endpoints(service_endpoints(service), pointers,
                          [&](const std::string&) -> const std::string& { return zone; });
}

// The only endpoint of a Service with one pod.
Endpoint only(const json& service, const json& pod, const std::string& zone = "") {
  const auto wanted = wanted_of(service, {pod}, zone);
  EXPECT_EQ(wanted.at("IPv4").size(), 1U);
  return wanted.at("IPv4").begin()->second.at(0);
}

std::string conditions(const json& service, const json& pod) {
  const Endpoint endpoint = only(service, pod);
  std::string text = endpoint.is_ready ? "ready" : "unready";
  text += *endpoint.is_serving ? " serving" : "";
  text += *endpoint.is_terminating ? " terminating" : "";
  return text;
}

json unready(json pod) {
  pod["status"]["conditions"][0]["status"] = "False";
  return pod;
}

json deleted(json pod) {
  pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  return pod;
}

TEST(ServiceEndpoints, ConditionsFollowReadinessAndDeletion) {
  EXPECT_EQ(conditions(web_service(), ready_pod()), "ready serving");
  EXPECT_EQ(conditions(web_service(), unready(ready_pod())), "unready");
  EXPECT_EQ(conditions(web_service(), deleted(ready_pod())), "unready serving terminating");
  EXPECT_EQ(conditions(web_service(), deleted(unready(ready_pod()))), "unready terminating");
}

TEST(ServiceEndpoints, PublishNotReadyAddressesMakesAllReady) {
  json service = web_service();
  service["spec"]["publishNotReadyAddresses"] = true;
  EXPECT_EQ(conditions(service, ready_pod()), "ready serving");
  EXPECT_EQ(conditions(service, unready(ready_pod())), "ready");
  EXPECT_EQ(conditions(service, deleted(ready_pod())), "ready serving terminating");
  EXPECT_EQ(conditions(service, deleted(unready(ready_pod()))), "ready terminating");
}

TEST(ServiceEndpoints, FinishedPodsAndPodsWithoutAnAddressAreNone) {
  json service = web_service();
  service["spec"]["publishNotReadyAddresses"] = true;
  for (const char* phase : {"Succeeded", "Failed"}) {
    json pod = ready_pod();
    pod["status"]["phase"] = phase;
    EXPECT_TRUE(wanted_of(service, {pod}).at("IPv4").empty()) << phase;
  }
  json pod = ready_pod();
  pod["status"].erase("podIP");
  pod["status"].erase("podIPs");
  EXPECT_TRUE(wanted_of(service, {pod}).at("IPv4").empty());
}

TEST(ServiceEndpoints, NamedPortsAreLookedUpInEachPodByNameAndProtocol) {
  const json service = web_service(R"([
    {"name": "web", "port": 80, "protocol": "TCP", "targetPort": "http"},
    {"name": "names", "port": 53, "protocol": "UDP", "targetPort": "dns"},
    {"name": "names-tcp", "port": 53, "protocol": "TCP", "targetPort": "dns"},
    {"name": "metrics", "port": 9100, "protocol": "TCP"}])");
  const auto wanted = wanted_of(service, {ready_pod()});
  // names-tcp is left out: the pod has no TCP port of that name.
  EXPECT_EQ(wanted.at("IPv4").begin()->first,
            (std::vector<SlicePort>{
                {"web", "TCP", 8080, ""}, {"names", "UDP", 5353, ""}, {"metrics", "TCP", 9100, ""}}));
}

TEST(ServiceEndpoints, PodsWithOtherNumbersBehindANameAreApart) {
  const json service = web_service(R"([{"port": 80, "protocol": "TCP", "targetPort": "http"}])");
  json moved = ready_pod();
  moved["metadata"]["uid"] = "u1";
  moved["spec"]["containers"][0]["ports"][0]["containerPort"] = 9090;
  json without = ready_pod();
  without["spec"]["containers"][0]["ports"] = json::array();
  const WantedEndpoints wanted = wanted_of(service, {ready_pod(), moved, without}).at("IPv4");
  EXPECT_EQ(wanted.size(), 3U);
  EXPECT_TRUE(wanted.contains({{"", "TCP", 8080, ""}}));
  EXPECT_TRUE(wanted.contains({{"", "TCP", 9090, ""}}));
  EXPECT_TRUE(wanted.contains({}));  // listed, for what it is worth without a port
}

TEST(ServiceEndpoints, SidecarsHavePortsAndInitContainersHaveNone) {
  const json service = web_service(R"([{"port": 80, "protocol": "TCP", "targetPort": "proxy"}])");
  json pod = ready_pod();
  pod["spec"]["initContainers"] =
      json::parse(R"([{"name": "i", "ports": [{"name": "proxy", "containerPort": 15001}]}])");
  EXPECT_TRUE(wanted_of(service, {pod}).at("IPv4").begin()->first.empty());
  pod["spec"]["initContainers"][0]["restartPolicy"] = "Always";
  EXPECT_EQ(wanted_of(service, {pod}).at("IPv4").begin()->first.at(0).port, 15001);
}

TEST(ServiceEndpoints, EachFamilyHasItsOwn) {
  json service = web_service();
  service["spec"]["ipFamilies"] = {"IPv6", "IPv4"};
  const auto wanted = wanted_of(service, {ready_pod()});
  EXPECT_EQ(wanted.at("IPv4").begin()->second.at(0).address, "10.244.1.2");
  EXPECT_EQ(wanted.at("IPv6").begin()->second.at(0).address, "fd00::2");
  json old = ready_pod();
  old["status"]["podIPs"].erase(1);
  EXPECT_TRUE(wanted_of(service, {old}).at("IPv6").empty());
  EXPECT_FALSE(wanted_of(web_service(), {ready_pod()}).contains("IPv6"));
}

TEST(ServiceEndpoints, SayWhereAndWhoThePodIs) {
  const Endpoint endpoint = only(web_service(), ready_pod(), "a");
  EXPECT_EQ(endpoint.node, "node-1");
  EXPECT_EQ(endpoint.zone, "a");
  EXPECT_EQ(endpoint.hostname, "");
  EXPECT_EQ(endpoint.target, (EndpointTarget{"Pod", "shop", "web-0", "u0"}));
}

TEST(ServiceEndpoints, AHostnameCountsUnderTheSubdomainOfTheService) {
  json pod = ready_pod();
  pod["spec"]["hostname"] = "first";
  EXPECT_EQ(only(web_service(), pod).hostname, "");
  pod["spec"]["subdomain"] = "web";
  EXPECT_EQ(only(web_service(), pod).hostname, "first");
  pod["spec"]["subdomain"] = "other";
  EXPECT_EQ(only(web_service(), pod).hostname, "");
}

TEST(ServiceEndpoints, TrafficDistributionGivesHintsToReadyEndpoints) {
  const auto hints = [](const char* distribution, const json& pod, const std::string& zone) {
    json service = web_service();
    service["spec"]["trafficDistribution"] = distribution;
    const Endpoint endpoint = only(service, pod, zone);
    return std::pair(endpoint.is_for_its_zone, endpoint.is_for_its_node);
  };
  EXPECT_EQ(hints("PreferSameZone", ready_pod(), "a"), std::pair(true, false));
  EXPECT_EQ(hints("PreferClose", ready_pod(), "a"), std::pair(true, false));
  EXPECT_EQ(hints("PreferSameNode", ready_pod(), "a"), std::pair(true, true));
  EXPECT_EQ(hints("PreferSameNode", ready_pod(), ""), std::pair(false, true));
  EXPECT_EQ(hints("PreferSameZone", ready_pod(), ""), std::pair(false, false));
  EXPECT_EQ(hints("PreferSameNode", unready(ready_pod()), "a"), std::pair(false, false));
  EXPECT_FALSE(only(web_service(), ready_pod(), "a").is_for_its_zone);
}

TEST(ServiceEndpoints, OnlyASelectorMakesSlices) {
  json service = web_service();
  EXPECT_EQ(endpoint_selector(service), (model::Labels{{"app", "web"}}));
  service["spec"]["selector"] = json::object();
  EXPECT_TRUE(endpoint_selector(service).empty());
  service = web_service();
  service["spec"]["type"] = "ExternalName";
  EXPECT_TRUE(endpoint_selector(service).empty());
}

TEST(ServiceEndpoints, LabelsAreTheServicesOwnAndThreeMore) {
  json service = web_service();
  service["metadata"]["labels"] = {{"team", "x"}, {"service.kubernetes.io/headless", "no"}};
  EXPECT_EQ(slice_labels(service),
            (model::Labels{{"team", "x"},
                           {"kubernetes.io/service-name", "web"},
                           {"endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io"}}));
  service["spec"]["clusterIP"] = "None";
  EXPECT_EQ(slice_labels(service).at("service.kubernetes.io/headless"), "");
}

}  // namespace
}  // namespace labctl::endpoints
