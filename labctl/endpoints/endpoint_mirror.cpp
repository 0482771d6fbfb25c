#include "labctl/endpoints/endpoint_mirror.hpp"

#include "labctl/endpoints/service_endpoints.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/store/selectors.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::endpoints {
namespace {

using nlohmann::json;
using objects::field;
using objects::list_at;
using objects::text_at;

// A label or annotation, whose name may have dots.
std::string marked(const json& object, std::string_view map, const std::string& name) {
  const json* marks = field(object, map);
  const auto found = marks == nullptr ? json::const_iterator() : marks->find(name);
  return marks != nullptr && found != marks->end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<SlicePort> subset_ports(const json& subset) {
  std::vector<SlicePort> ports;
  for (const json& port : list_at(subset, "ports")) {
    const std::string& protocol = text_at(port, "protocol");
    ports.push_back({text_at(port, "name"), protocol.empty() ? "TCP" : protocol,
                     objects::number_at(port, "port", 0), text_at(port, "appProtocol")});
  }
  return ports;
}

void add_addresses(const json& subset, const char* list, const std::vector<SlicePort>& ports,
                   std::size_t& room, std::map<std::string, WantedEndpoints>& wanted) {
  for (const json& entry : list_at(subset, list)) {
    const auto address = IpAddress::parse(text_at(entry, "ip"));
    if (!address || room == 0) {
      continue;
    }
    --room;
    Endpoint endpoint;
    endpoint.address = to_string(*address);
    endpoint.is_ready = std::string_view(list) == "addresses";
    endpoint.hostname = text_at(entry, "hostname");
    endpoint.node = text_at(entry, "nodeName");
    endpoint.target = {text_at(entry, "targetRef.kind"), text_at(entry, "targetRef.namespace"),
                       text_at(entry, "targetRef.name"), text_at(entry, "targetRef.uid")};
    wanted[address_type_of(endpoint.address)][ports].push_back(std::move(endpoint));
  }
}

}  // namespace

bool is_mirrored(const json& endpoints, const json* service) {
  if (service == nullptr || text_at(*service, "spec.type") == "ExternalName" ||
      !endpoint_selector(*service).empty()) {
    return false;
  }
  const json* annotations = field(endpoints, "metadata.annotations");
  return marked(endpoints, "metadata.labels", "endpointslice.kubernetes.io/skip-mirror") != "true" &&
         (annotations == nullptr || !annotations->contains("control-plane.alpha.kubernetes.io/leader"));
}

std::map<std::string, WantedEndpoints> mirrored_endpoints(const json& endpoints) {
  std::map<std::string, WantedEndpoints> wanted;
  for (const json& subset : list_at(endpoints, "subsets")) {
    const std::vector<SlicePort> ports = subset_ports(subset);
    std::size_t room = kEndpointsPerMirroredSlice;
    // An address that is in both lists is ready: the first of a kind counts.
    add_addresses(subset, "addresses", ports, room, wanted);
    add_addresses(subset, "notReadyAddresses", ports, room, wanted);
  }
  return wanted;
}

model::Labels mirrored_labels(const json& endpoints) {
  model::Labels labels = store::labels_of(endpoints);
  labels.insert_or_assign(model::kServiceNameLabel, objects::name_of(endpoints));
  labels.insert_or_assign(model::kManagedByLabel, "endpointslicemirroring-controller.k8s.io");
  return labels;
}

model::Labels mirrored_annotations(const json& endpoints) {
  model::Labels annotations;
  const json* own = field(endpoints, "metadata.annotations");
  if (own == nullptr || !own->is_object()) {
    return annotations;
  }
  for (const auto& [name, value] : own->items()) {
    if (value.is_string() && name != "endpoints.kubernetes.io/last-change-trigger-time" &&
        name != model::kLastAppliedAnnotation) {
      annotations.emplace(name, value.get<std::string>());
    }
  }
  return annotations;
}

}  // namespace labctl::endpoints
