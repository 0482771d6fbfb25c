#pragma once

// The nodes of a DaemonSet, as its controller chooses them (pkg/controller/daemon, NodeShouldRunDaemonPod).

#include "labctl/controllers/work.hpp"

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

namespace labctl::controllers {

struct DaemonNodes {
  std::vector<std::string> wanted;  // should have a pod; in the Cluster's order
  std::set<std::string> kept;       // those, and where a pod that is there stays: tainted NoSchedule since
};

// Of a pod template: names, labels and taints of the nodes are asked, not whether they have room.
DaemonNodes daemon_nodes(const Work& work, const nlohmann::json& pod_template);

// Makes `pod` one for `node`: affinity by the node's name, and the tolerations of daemons. The scheduler
// places it, so that it says why when it cannot.
void bind_daemon_pod(nlohmann::json& pod, const std::string& node);

}  // namespace labctl::controllers
