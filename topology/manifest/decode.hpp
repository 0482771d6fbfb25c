#pragma once

// JSON of objects that passed load() to the values of topology/model. On other JSON these throw Error
// InvalidInput.

#include "topology/model/cluster.hpp"
#include "topology/model/label_selector.hpp"
#include "topology/model/pod.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace labctl::manifest {

// A core/v1 Pod object, with its metadata (namespace filled in), spec and status.podIPs.
model::Pod decode_pod(const nlohmann::json& pod);

// A meta/v1 LabelSelector {matchLabels, matchExpressions}; null is the empty selector.
model::LabelSelector decode_selector(const nlohmann::json& selector);

// A string map, such as metadata.labels; null is empty.
model::Labels decode_labels(const nlohmann::json& labels);

// The `spec` of a Cluster, such as the inline one of a Scenario; null is the default Cluster.
model::Cluster decode_cluster(const nlohmann::json& spec, std::string name);

}  // namespace labctl::manifest
