#pragma once

// One object told in full, as `kubectl describe` tells it: pods, nodes, deployments,
// services; other kinds by their fields.

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <iosfwd>
#include <vector>

namespace labctl::report {

// `events` are those of this object, oldest first; `related` are objects that belong into the text: the pods
// of a node, the ReplicaSets of a Deployment, the EndpointSlices of a Service. `programmed`, when it is
// known, is what each node's data path does for a Service: see print_programmed().
void print_description(std::ostream& out, const nlohmann::json& object,
                       const std::vector<nlohmann::json>& events, const std::vector<nlohmann::json>& related,
                       std::chrono::system_clock::time_point now, const nlohmann::json* programmed = nullptr);

}  // namespace labctl::report
