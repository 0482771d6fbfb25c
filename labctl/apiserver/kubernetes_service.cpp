#include "labctl/apiserver/kubernetes_service.hpp"

#include "labctl/store/store.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

namespace labctl::apiserver {
namespace {

using nlohmann::json;

const std::string kKubernetes = model::kKubernetesService;
const std::string kDefaultNamespace = model::kDefaultNamespace;

json metadata_of(const std::string& name, json labels) {
  return {{"name", name}, {"namespace", kDefaultNamespace}, {"labels", std::move(labels)}};
}

json api_port() { return {{"name", "https"}, {"port", kApiServerPort}, {"protocol", "TCP"}}; }

json kubernetes_service(const model::Cluster& cluster) {
  json addresses = json::array();
  json families = json::array();
  for (const Prefix& range : cluster.network.service_cidrs) {
    addresses.push_back(to_string(range.address().plus(1)));
    families.push_back(to_string(range.family()));
  }
  const bool is_dual = families.size() > 1;
  return {
      {"apiVersion", "v1"},
      {"kind", "Service"},
      {"metadata", metadata_of(kKubernetes, {{"component", "apiserver"}, {"provider", "kubernetes"}})},
      {"spec",
       {{"type", "ClusterIP"},
        {"clusterIP", addresses.front()},
        {"clusterIPs", addresses},
        {"ipFamilies", families},
        {"ipFamilyPolicy", is_dual ? "RequireDualStack" : "SingleStack"},
        {"internalTrafficPolicy", "Cluster"},
        {"sessionAffinity", "None"},
        {"ports",
         json::array(
             {{{"name", "https"}, {"port", 443}, {"protocol", "TCP"}, {"targetPort", kApiServerPort}}})}}},
      {"status", {{"loadBalancer", json::object()}}}};
}

json kubernetes_slice(const std::string& name, const IpAddress& address) {
  return {
      {"apiVersion", "discovery.k8s.io/v1"},
      {"kind", "EndpointSlice"},
      {"metadata", metadata_of(name, {{model::kServiceNameLabel, kKubernetes}})},
      {"addressType", to_string(address.family())},
      {"ports", json::array({api_port()})},
      {"endpoints",
       json::array({{{"addresses", json::array({to_string(address)})}, {"conditions", {{"ready", true}}}}})}};
}

json kubernetes_endpoints(const IpAddress& address) {
  return {{"apiVersion", "v1"},
          {"kind", "Endpoints"},
          {"metadata", metadata_of(kKubernetes, {{"endpointslice.kubernetes.io/skip-mirror", "true"}})},
          {"subsets", json::array({{{"addresses", json::array({{{"ip", to_string(address)}}})},
                                    {"ports", json::array({api_port()})}}})}};
}

}  // namespace

std::vector<json> ensure_kubernetes_service(const store::Store& store, const model::Cluster& cluster) {
  std::vector<json> missing;
  if (cluster.nodes.empty() || cluster.network.service_cidrs.empty()) {
    return missing;
  }
  const auto add = [&](const char* resource, json object) {
    if (store.find(store::key_of(resource, object)) == nullptr) {
      missing.push_back(std::move(object));
    }
  };
  add("services", kubernetes_service(cluster));
  const std::vector<IpAddress>& addresses = cluster.nodes.front().addresses;
  std::string name = kKubernetes;
  for (const Prefix& range : cluster.network.service_cidrs) {
    const auto address = std::find_if(addresses.begin(), addresses.end(), [&](const IpAddress& candidate) {
      return candidate.family() == range.family();
    });
    if (address == addresses.end()) {
      continue;
    }
    if (range != cluster.network.service_cidrs.front()) {
      name = kKubernetes + (range.family() == Family::IPv6 ? "-ipv6" : "-ipv4");
    }
    add("endpointslices", kubernetes_slice(name, *address));
    if (name == kKubernetes) {
      add("endpoints", kubernetes_endpoints(*address));
    }
  }
  return missing;
}

server::Role api_stand_in() {
  server::Role role;
  role.name = "endpoint of svc default/kubernetes";
  server::Endpoint endpoint;
  endpoint.port = kApiServerPort;
  endpoint.service = server::Service::StatusHttp;
  endpoint.status = 403;
  endpoint.text = R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,)"
                  R"("message":"this lab has no API server in its network: use labctl"})";
  role.endpoints.push_back(std::move(endpoint));
  return role;
}

}  // namespace labctl::apiserver
