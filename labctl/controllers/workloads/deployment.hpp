#pragma once

// Deployment: a ReplicaSet for each version of the pod template, and the way from one to the next (apps/v1;
// concepts, "Deployment"). A paused Deployment is scaled but not rolled. On scaling in the middle of a
// rollout the newest ReplicaSet takes the difference, where Kubernetes spreads it in proportion.

#include "labctl/controllers/work.hpp"
#include "labctl/store/change.hpp"

namespace labctl::controllers {

// One step for the Deployment at `key`: its ReplicaSets, its revision annotation, its status.
void sync_deployment(Work& work, const store::Key& key);

}  // namespace labctl::controllers
