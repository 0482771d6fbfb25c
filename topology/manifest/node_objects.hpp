#pragma once

// What Node objects say of the nodes of a Cluster: labels, taints, and whether pods may come.

#include "topology/manifest/references.hpp"
#include "topology/model/cluster.hpp"

#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace labctl::manifest {

// Adds what `record` says, if it is a Node, to the node of its name.
void merge_node(const Record& record, std::vector<model::Node>& nodes);
// The same of a checked object.
void merge_node(const nlohmann::json& object, std::vector<model::Node>& nodes);

}  // namespace labctl::manifest
