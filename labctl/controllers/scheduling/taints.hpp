#pragma once

// Taints and tolerations, read from the JSON of nodes and pods.

#include "topology/model/taints.hpp"

#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace labctl::controllers {

using model::is_tolerated;
using model::kNoExecute;
using model::kNoSchedule;
using model::Toleration;
using model::untolerated;

inline constexpr const char* kNotReadyTaint = "node.kubernetes.io/not-ready";
inline constexpr const char* kUnschedulableTaint = "node.kubernetes.io/unschedulable";

// spec.taints of a Node object, and nothing else.
std::vector<model::Taint> taints_of(const nlohmann::json& node);
// Those, and what the node life cycle controller adds: not-ready:NoSchedule of a node that is not Ready, and
// unschedulable:NoSchedule of one that is cordoned.
std::vector<model::Taint> effective_taints_of(const nlohmann::json& node);

// spec.tolerations of a pod or pod template.
std::vector<Toleration> tolerations_of(const nlohmann::json& pod);
// What the DaemonSet controller adds to its pods' own, as objects: a node agent is to be where others are
// kept away, for whatever reason a node has of its own.
nlohmann::json daemon_tolerations(bool is_on_host_network);

}  // namespace labctl::controllers
