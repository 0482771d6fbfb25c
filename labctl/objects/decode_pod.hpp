#pragma once

// JSON of objects that passed load() to the values of topology/model. On other
// JSON these throw Error InvalidInput.

#include "topology/model/label_selector.hpp"
#include "topology/model/pod.hpp"

#include <nlohmann/json_fwd.hpp>

namespace labctl::objects {

// A core/v1 Pod object, with its metadata (namespace filled in), spec and status.podIPs.
model::Pod decode_pod(const nlohmann::json& pod);

// A string map, such as metadata.labels; null is empty.
model::Labels decode_labels(const nlohmann::json& labels);

}  // namespace labctl::objects
