#include "labctl/endpoints/service_endpoints.hpp"

#include "labctl/objects/fields.hpp"
#include "labctl/store/selectors.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::endpoints {
namespace {

using nlohmann::json;
using objects::list_at;
using objects::name_of;
using objects::namespace_of;
using objects::number_at;
using objects::text_at;

constexpr std::string_view kEndpointSliceController = "endpointslice-controller.k8s.io";

// Missing means TCP, everywhere.
std::string protocol_in(const json& port) {
  const std::string& protocol = text_at(port, "protocol");
  return protocol.empty() ? "TCP" : protocol;
}

void add_named_ports(const json& container, std::vector<EndpointPod::Port>& ports) {
  for (const json& port : list_at(container, "ports")) {
    const std::string& name = text_at(port, "name");
    if (!name.empty()) {
      ports.push_back({name, protocol_in(port), number_at(port, "containerPort", 0)});
    }
  }
}

std::variant<std::int64_t, std::string> target_of(const json& port) {
  const std::string& name = text_at(port, "targetPort");
  if (!name.empty()) {
    return name;
  }
  const std::int64_t number = number_at(port, "targetPort", 0);
  return number != 0 ? number : number_at(port, "port", 0);
}

ServiceEndpoints::Hints hints_of(const json& service) {
  const std::string& distribution = text_at(service, "spec.trafficDistribution");
  if (distribution == "PreferSameNode") {
    return ServiceEndpoints::Hints::SameNode;
  }
  const bool is_by_zone = distribution == "PreferSameZone" || distribution == "PreferClose";
  return is_by_zone ? ServiceEndpoints::Hints::SameZone : ServiceEndpoints::Hints::None;
}

bool has_cluster_ip(const json& service) {
  const std::string& address = text_at(service, "spec.clusterIP");
  return !address.empty() && address != "None";
}

// The Service's ports as they are at this pod. What the pod has no port of
// that name and protocol for is left out.
std::vector<SlicePort> ports_at(const ServiceEndpoints& service, const EndpointPod& pod) {
  std::vector<SlicePort> ports;
  ports.reserve(service.ports.size());
  for (const ServiceEndpoints::Port& port : service.ports) {
    if (const std::int64_t* number = std::get_if<std::int64_t>(&port.target)) {
      ports.push_back({port.name, port.protocol, *number, port.app_protocol});
      continue;
    }
    const std::string& name = std::get<std::string>(port.target);
    const auto found = std::find_if(pod.ports.begin(), pod.ports.end(), [&](const EndpointPod::Port& own) {
      return own.name == name && own.protocol == port.protocol;
    });
    if (found != pod.ports.end()) {
      ports.push_back({port.name, port.protocol, found->number, port.app_protocol});
    }
  }
  return ports;
}

Endpoint endpoint_at(const ServiceEndpoints& service, const EndpointPod& pod, const std::string& zone) {
  Endpoint endpoint;
  endpoint.is_serving = pod.is_ready;
  endpoint.is_terminating = pod.is_being_deleted;
  endpoint.is_ready = service.publishes_not_ready || (pod.is_ready && !pod.is_being_deleted);
  endpoint.node = pod.node;
  endpoint.zone = zone;
  if (pod.subdomain == service.name && pod.ns == service.ns) {
    endpoint.hostname = pod.hostname;
  }
  // Hints only where traffic may go, so that a pod that goes does not keep its zone to itself.
  if (endpoint.is_ready && service.hints != ServiceEndpoints::Hints::None) {
    endpoint.is_for_its_zone = !zone.empty();
    endpoint.is_for_its_node = service.hints == ServiceEndpoints::Hints::SameNode && !pod.node.empty();
  }
  endpoint.target = {"Pod", pod.ns, pod.name, pod.uid};
  return endpoint;
}

}  // namespace

EndpointPod endpoint_pod(const json& pod) {
  EndpointPod facts;
  facts.ns = namespace_of(pod);
  facts.name = name_of(pod);
  facts.uid = objects::uid_of(pod);
  facts.node = text_at(pod, "spec.nodeName");
  facts.hostname = text_at(pod, "spec.hostname");
  facts.subdomain = text_at(pod, "spec.subdomain");
  facts.is_ready = objects::is_ready(pod);
  facts.is_being_deleted = objects::is_being_deleted(pod);
  if (!objects::is_finished(pod)) {
    for (const json& address : list_at(pod, "status.podIPs")) {
      facts.addresses.push_back(text_at(address, "ip"));
    }
    const std::string& only = text_at(pod, "status.podIP");
    if (facts.addresses.empty() && !only.empty()) {
      facts.addresses.push_back(only);
    }
  }
  for (const json& container : list_at(pod, "spec.containers")) {
    add_named_ports(container, facts.ports);
  }
  for (const json& container : list_at(pod, "spec.initContainers")) {
    if (text_at(container, "restartPolicy") == "Always") {
      add_named_ports(container, facts.ports);
    }
  }
  return facts;
}

ServiceEndpoints service_endpoints(const json& service) {
  ServiceEndpoints facts;
  facts.ns = namespace_of(service);
  facts.name = name_of(service);
  for (const json& family : list_at(service, "spec.ipFamilies")) {
    facts.address_types.push_back(family.is_string() ? family.get<std::string>() : "");
  }
  if (facts.address_types.empty()) {
    // Only a Service that no admission has seen has no families.
    facts.address_types.push_back(
        has_cluster_ip(service) ? address_type_of(text_at(service, "spec.clusterIP")) : "IPv4");
  }
  for (const json& port : list_at(service, "spec.ports")) {
    facts.ports.push_back(
        {text_at(port, "name"), protocol_in(port), target_of(port), text_at(port, "appProtocol")});
  }
  facts.publishes_not_ready = objects::is_true_at(service, "spec.publishNotReadyAddresses");
  facts.hints = hints_of(service);
  return facts;
}

model::Labels endpoint_selector(const json& service) {
  model::Labels labels;
  const json* selector = objects::field(service, "spec.selector");
  if (selector == nullptr || !selector->is_object() || text_at(service, "spec.type") == "ExternalName") {
    return labels;
  }
  for (const auto& [key, value] : selector->items()) {
    labels.emplace(key, value.is_string() ? value.get<std::string>() : "");
  }
  return labels;
}

model::Labels slice_labels(const json& service) {
  model::Labels labels = store::labels_of(service);
  labels.erase(model::kHeadlessLabel);
  if (!has_cluster_ip(service)) {
    labels.emplace(model::kHeadlessLabel, "");
  }
  labels.insert_or_assign(model::kServiceNameLabel, name_of(service));
  labels.insert_or_assign(model::kManagedByLabel, std::string(kEndpointSliceController));
  return labels;
}

std::map<std::string, WantedEndpoints> wanted_endpoints(const ServiceEndpoints& service,
                                                        const std::vector<const EndpointPod*>& pods,
                                                        const ZoneOfNode& zone_of) {
  std::map<std::string, WantedEndpoints> wanted;
  for (const std::string& type : service.address_types) {
    wanted.try_emplace(type);
  }
  for (const EndpointPod* pod : pods) {
    if (pod->addresses.empty()) {
      continue;
    }
    const std::vector<SlicePort> ports = ports_at(service, *pod);
    Endpoint endpoint = endpoint_at(service, *pod, zone_of(pod->node));
    for (const std::string& address : pod->addresses) {
      const auto family = wanted.find(address_type_of(address));
      if (family != wanted.end()) {
        endpoint.address = address;
        family->second[ports].push_back(endpoint);
      }
    }
  }
  return wanted;
}

std::string address_type_of(const std::string& address) {
  return address.find(':') == std::string::npos ? "IPv4" : "IPv6";
}

}  // namespace labctl::endpoints
