#pragma once

// The node affinity of pods, read from their JSON.

#include "topology/model/node_affinity.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace labctl::controllers {

using model::NodeAffinity;

// Of a pod or pod template.
NodeAffinity node_affinity_of(const nlohmann::json& pod);
// The affinity that binds a DaemonSet's pod to its node: `affinity` (may be null) with the node's name in
// place of all required terms, which its controller has looked at.
nlohmann::json with_node_name(nlohmann::json affinity, const std::string& node);
// The node that such a pod is for; "" when it is for none.
std::string node_named_in(const nlohmann::json& pod);

}  // namespace labctl::controllers
