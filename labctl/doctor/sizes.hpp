#pragma once

// Is there room for a lab of so many pods? Limits of the kernel, of this process and of its control
// group, read once and judged by a pure function. Sources: namespaces(7) (/proc/sys/user),
// getrlimit(2), cgroups v2 pids.max, inotify(7), proc(5).

#include "labctl/doctor/explain.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace labctl::doctor {

// -1 where a limit is not known; kNoLimit where there is none.
inline constexpr std::int64_t kNoLimit = INT64_MAX;

struct HostSizes {
  std::map<std::string, std::int64_t> max_namespaces;  // "net" -> user.max_net_namespaces, ...
  std::int64_t open_files_soft = -1;
  std::int64_t open_files_hard = -1;
  std::int64_t processes_of_user = -1;   // RLIMIT_NPROC
  std::int64_t processes_of_group = -1;  // the smallest pids.max from our control group up
  std::int64_t pid_max = -1;
  std::int64_t inotify_instances = -1;
  std::int64_t memory_available_kb = -1;
  std::int64_t neighbours_v4 =
      -1;  // net.ipv4.neigh.default.gc_thresh3: shared by every namespace of the host
  std::int64_t neighbours_v6 = -1;
};

HostSizes read_sizes(const std::filesystem::path& root = "/");

// What a pod costs, measured: a network namespace, its veth, routes and filter tables.
inline constexpr double kMemoryPerPodMb = 0.34;
// Descriptors: the namespace, and listening sockets of the built-in server.
inline constexpr int kOpenFilesPerPod = 4;

// One item a limit. Fail only where even a lab of two nodes would not fit.
// `in_user_namespace`: labs live inside one; root's do not, and its limit does not bind them.
std::vector<HostItem> judge_sizes(const HostSizes& sizes, int pods_wanted, bool in_user_namespace);

}  // namespace labctl::doctor
