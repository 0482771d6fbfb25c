#pragma once

// The EndpointSlices that a hand-written Endpoints object becomes (network model §4;
// concepts, "EndpointSlice mirroring"). Pure.

#include "labctl/endpoints/endpoint_slice.hpp"
#include "topology/model/label_selector.hpp"

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace labctl::endpoints {

// Whether it is mirrored: there is a Service of its name, without a selector and no ExternalName, and it is
// neither labelled endpointslice.kubernetes.io/skip-mirror nor a leader election's. `service` may be null.
bool is_mirrored(const nlohmann::json& endpoints, const nlohmann::json* service);

// By address type. What is no address is left out, as is an address beyond
// kEndpointsPerMirroredSlice of a subset.
std::map<std::string, WantedEndpoints> mirrored_endpoints(const nlohmann::json& endpoints);

model::Labels mirrored_labels(const nlohmann::json& endpoints);
// But for those of kubectl and of the controllers themselves.
model::Labels mirrored_annotations(const nlohmann::json& endpoints);

}  // namespace labctl::endpoints
