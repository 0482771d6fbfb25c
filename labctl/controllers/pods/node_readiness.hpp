#pragma once

// What becomes of pods whose node is not Ready, as the node life cycle controller does it:
// their condition Ready turns False (NodeNotReady), so that they leave the endpoints, and
// comes back with the node. They are not evicted.

#include "labctl/controllers/work.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace labctl::controllers {

// The condition Ready of a Node object is True, or nobody has said anything yet.
bool is_node_ready(const nlohmann::json& node);

// Brings the pods that live on `node` in line with its condition.
void sync_node_readiness(Work& work, const std::string& node);

}  // namespace labctl::controllers
