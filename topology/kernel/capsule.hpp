#pragma once

// The namespaces a lab lives in: user (see id_plan.hpp), mount, PID, network, UTS, IPC and cgroup; see
// namespaces(7), user_namespaces(7). The order of calls is in labctl/supervisor/keeper.cpp.
//
// Threads: everything here needs a process with one thread.

#include "topology/kernel/id_plan.hpp"

#include <cstdint>
#include <string>

namespace labctl::kernel {

// Leaves the host's namespaces, in one call; children of the caller are in the new PID namespace. The user
// namespace, without which only IdMapping::Root does, has no ids until its maps are written.
// Throws Error with the errno of unshare(2).
void unshare_capsule(IdMapping mapping);

// In PID 1: private mounts; fresh /proc with host-wide sysctls read-only and the network's
// writable; /sys read-only; /run with nothing in it; an empty /dev/pts; the host name.
// Nothing of it is visible outside. On the way bounds the processes of the PID namespace to
// kProcessesMax where the kernel can (6.14): a lab's fork bomb leaves the host its numbers. Throws
// Error; a refused /proc is Unsupported (an outer container masks it).
void mount_capsule(const std::string& hostname);

inline constexpr std::uint64_t kProcessesMax = 16'384;
// Of the PID namespace we are in: more than kProcessesMax where the kernel cannot bound it.
std::uint64_t processes_max();

// Soft limit of open files up to the hard one. Returns it.
std::uint64_t raise_open_files();

}  // namespace labctl::kernel
