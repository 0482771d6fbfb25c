#pragma once

// The mounts of a child's own view of files, as steps between fork and exec.

#include "topology/kernel/child_steps.hpp"

namespace labctl::kernel {

// Appends them to the plan. With a PID namespace the child's /proc is a new one, of that namespace. Throws Error:
// NotFound for a source or root that is absent; InvalidInput.
void plan_mounts(ChildPlan& plan, const MountView& view, bool has_pid_namespace);

}  // namespace labctl::kernel
