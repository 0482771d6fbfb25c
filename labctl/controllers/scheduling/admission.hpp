#pragma once

// What a kubelet says that does not take a pod which is bound to its node (pkg/kubelet/lifecycle, predicate).

#include "labctl/controllers/scheduling/node_resources.hpp"

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace labctl::controllers {

struct Rejection {
  std::string reason;   // OutOfcpu, OutOfpods, NodePorts
  std::string message;  // "Node didn't have enough resource: cpu, requested: 2000, used: 500, capacity: 1000"
};

Rejection out_of_pods(std::size_t used, std::size_t capacity);
Rejection without_free_ports();
// Of what there is too little of the first, as kubelets look: cpu, memory, ephemeral-storage, then the others.
// Nothing: there is enough of all.
std::optional<Rejection> out_of(const Amounts& wanted, const Amounts& allocatable, const Amounts& taken);

// Whether a kubelet would fail the pod. Those of a controller wait for room: failed, they would be made again, and
// again, for as long as their node is full.
bool is_failed_without_room(const nlohmann::json& pod);
// The pod has failed.
void reject(nlohmann::json& pod, const Rejection& rejection);

}  // namespace labctl::controllers
