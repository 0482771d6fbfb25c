#pragma once

// StatefulSet: pods with stable names, <set>-0, <set>-1, ... (apps/v1; concepts, "StatefulSets").
//
// podManagementPolicy OrderedReady makes one pod after the other, each when those before it are available,
// and deletes in reverse, each when the one before has gone; Parallel waits for nothing. RollingUpdate
// replaces pods from the highest ordinal down to spec.updateStrategy.rollingUpdate.partition, each when those
// above it are available again. spec.volumeClaimTemplates have no effect here: a lab has no volumes to claim.

#include "labctl/controllers/work.hpp"
#include "labctl/store/change.hpp"

namespace labctl::controllers {

// One step for the StatefulSet at `key`.
void sync_stateful_set(Work& work, const store::Key& key);

}  // namespace labctl::controllers
