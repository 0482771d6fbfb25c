#pragma once

// The namespaces a lab lives in: user (unless root), mount, PID, network, UTS, IPC and cgroup; see
// namespaces(7), user_namespaces(7). The order of calls is in labctl/supervisor/launch.cpp.
//
// Threads: everything here needs a process with one thread.

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace labctl::kernel {

// How ids inside map to ids outside.
enum class IdMapping {
  Root,         // real root: no user namespace
  Subordinate,  // 0 is the user, 1 and up the ranges of /etc/subuid and /etc/subgid, by newuidmap(1)
  Single,       // 0 is the user and nothing else exists
};
const char* to_string(IdMapping mapping);

struct IdPlan {
  IdMapping mapping = IdMapping::Single;
  uid_t uid = 0;  // outside
  gid_t gid = 0;
  std::uint32_t sub_uid = 0, sub_uid_count = 0;
  std::uint32_t sub_gid = 0, sub_gid_count = 0;
};

// What this user can have: reads the effective ids, /etc/subuid,
// /etc/subgid, and looks for newuidmap in PATH.
IdPlan plan_ids();

// Leaves the host's namespaces, in one call; children of the caller are in the new PID namespace.
// Throws Error with the errno of unshare(2).
void unshare_capsule(IdMapping mapping);

// Inside, after unshare_capsule(): maps the one id. Throws Error.
void write_single_map(const IdPlan& ids);
// From outside: runs newuidmap and newgidmap for `pid`. False if they refuse.
bool write_subordinate_maps(pid_t pid, const IdPlan& ids);

// Where a child's view mounts what is its own: MountView::scratch. Made by mount_capsule().
inline constexpr const char* kScratch = "/run/labctl-scratch";

// In PID 1: private mounts; fresh /proc with host-wide sysctls read-only and the network's
// writable; /sys read-only; /run with nothing but kScratch; an empty /dev/pts; the host name.
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
