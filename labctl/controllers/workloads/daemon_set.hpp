#pragma once

// DaemonSet: one pod on each node that its template fits (apps/v1; concepts, "DaemonSet"). Its pods are bound
// to their nodes by affinity, as there; an unschedulable node has them too. RollingUpdate replaces pods
// so that at most maxUnavailable (1) nodes are without one; maxSurge is not supported and counts as 0.

#include "labctl/controllers/work.hpp"
#include "labctl/store/change.hpp"

namespace labctl::controllers {

// One step for the DaemonSet at `key`.
void sync_daemon_set(Work& work, const store::Key& key);

}  // namespace labctl::controllers
