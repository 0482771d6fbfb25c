#pragma once

// JSON of a Cluster that passed load() to the value. On other JSON this throws Error InvalidInput.

#include "topology/model/cluster.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace labctl::manifest {

// The `spec` of a Cluster, such as the inline one of a Scenario; null is the default Cluster.
model::Cluster decode_cluster(const nlohmann::json& spec, std::string name);

}  // namespace labctl::manifest
