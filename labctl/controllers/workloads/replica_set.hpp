#pragma once

// ReplicaSet: as many active pods as spec.replicas says (apps/v1; concepts, "ReplicaSet").

#include "labctl/controllers/work.hpp"
#include "labctl/store/change.hpp"

#include <vector>

namespace labctl::controllers {

// Makes or deletes pods of the ReplicaSet at `key`, else brings its status up to date. A pod being deleted
// does not count: its replacement does not wait for it.
void sync_replica_set(Work& work, const store::Key& key);

// In the order in which pods go on scaling down: not placed, not running, not ready, lower
// controller.kubernetes.io/pod-deletion-cost, more pods of the set on the node, ready for a shorter time,
// more restarts, younger, then by name.
std::vector<store::ObjectPtr> ranked_for_deletion(const std::vector<store::ObjectPtr>& pods);

}  // namespace labctl::controllers
