#pragma once

// What pods request and what nodes have of it (core/v1 ResourceRequirements; kube-scheduler, plugin
// NodeResourcesFit).

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace labctl::controllers {

// By resource: of cpu thousandths of a core, of all others whole units (bytes, things).
using Amounts = std::map<std::string, std::int64_t>;

// What a pod has to have: the sum of its containers and sidecars, or what one of its init containers needs
// beside the sidecars started before it, whichever is more; and its overhead.
Amounts requests_of(const nlohmann::json& pod);
// status.allocatable of a Node object, but for pods.
Amounts allocatable_of(const nlohmann::json& node);

void add(Amounts& to, const Amounts& amounts, std::int64_t times = 1);

// "Insufficient cpu", "Insufficient example.com/gpu": of what a node with `allocatable`, of which `taken` is
// taken, has too little for `wanted`.
std::vector<std::string> shortages(const Amounts& wanted, const Amounts& allocatable, const Amounts& taken);

}  // namespace labctl::controllers
