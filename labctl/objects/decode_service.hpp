#pragma once

// JSON of Services and EndpointSlices, complete as the store has them, to the values of topology/model. On
// other JSON these throw Error InvalidInput.

#include "topology/model/service.hpp"

#include <nlohmann/json_fwd.hpp>
#include <optional>

namespace labctl::objects {

// A core/v1 Service, with its allocations and status.
model::Service decode_service(const nlohmann::json& service);

// A discovery.k8s.io/v1 EndpointSlice. Conditions that are unset are as the API says: ready true, serving as
// ready, terminating false. Nothing for the address type FQDN and for a slice that names no Service.
std::optional<model::EndpointSlice> decode_endpoint_slice(const nlohmann::json& slice);

}  // namespace labctl::objects
