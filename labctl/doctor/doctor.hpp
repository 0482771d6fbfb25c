#pragma once

// Can this host run labs? Answered by doing: each step of a capsule and of a fabric is tried in forked
// children, and a refusal is explained with what the host says of itself (sysctls, /proc/self/status,
// mountinfo). Nothing of the host changes, and what the children made goes with them.
//
// The doing (trial), the reading (surroundings, sizes) and the explaining (explain, pure) are apart, so that
// every refusal can be tested on a host that refuses nothing.
//
// Threads: check_host() forks; call it from a process with one thread, as `labctl doctor` is.

#include "labctl/doctor/explain.hpp"
#include "topology/base/error.hpp"

#include <vector>

namespace labctl::doctor {

struct HostReport {
  // In the order they are read: capsule, fabric, sizes, identity, surroundings, options.
  std::vector<HostItem> items;
  bool can_run = false;  // no item's verdict is Fail
};

// Tries everything and judges it for a lab of `pods_wanted` pods. Takes tens of
// milliseconds; steps that hang are ended at a deadline of ten seconds and reported as
// failed. Throws Error only when fork(2) or pipe(2) fail.
HostReport check_host(int pods_wanted = 1000);

// The error to show when a lab could not be launched: if `error` is a refusal of the host (see step_of), kind
// Unsupported, the step, the kernel's words and the reason as message, and as hint the one command that mends
// it; otherwise `error` as it is. Call it in a process that is still in the host's namespaces: it reads
// /proc, and may fork to find which namespace was refused.
Error host_error(const Error& error);

}  // namespace labctl::doctor
