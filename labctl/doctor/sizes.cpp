#include "labctl/doctor/sizes.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string_view>

namespace labctl::doctor {
namespace {

namespace fs = std::filesystem;

// What a lab holds besides its pods: nodes, router, outside hosts, the supervisor's own threads and sockets.
constexpr std::int64_t kBesidePods = 64;
constexpr std::int64_t kFilesBesidePods = 256;
// A lab of two nodes: the smallest that is of any use.
constexpr std::int64_t kFewestNamespaces = 8;
constexpr std::int64_t kFewestFiles = 64;
constexpr double kMemoryBesidePodsMb = 48;

constexpr std::array<std::string_view, 7> kNamespaceKinds = {"user", "net", "mnt",   "pid",
                                                             "uts",  "ipc", "cgroup"};

std::int64_t read_number(const fs::path& path) {
  std::ifstream file(path);
  std::string text;
  if (!(file >> text)) {
    return -1;
  }
  return text == "max" ? kNoLimit : std::strtoll(text.c_str(), nullptr, 10);
}

std::int64_t from_rlimit(rlim_t value) {
  return value == RLIM_INFINITY || value > static_cast<rlim_t>(kNoLimit) ? kNoLimit
                                                                         : static_cast<std::int64_t>(value);
}

std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < 0 ? b : b < 0 ? a : std::min(a, b); }

// The smallest pids.max from our group up to the top; cgroups(7): "hierarchy:controllers:path" a line, no
// controllers for version 2.
std::int64_t read_pids_max(const fs::path& root) {
  std::ifstream groups(root / "proc/self/cgroup");
  std::int64_t limit = -1;
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool is_unified = controllers.empty();
    if (!is_unified && controllers != "pids") {
      continue;
    }
    const fs::path top = root / (is_unified ? "sys/fs/cgroup" : "sys/fs/cgroup/pids");
    fs::path group = top / fs::path(line.substr(second + 1)).relative_path();
    for (; group.string().size() >= top.string().size(); group = group.parent_path()) {
      limit = smaller(limit, read_number(group / "pids.max"));
    }
  }
  return limit;
}

std::int64_t read_meminfo(const fs::path& file) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("MemAvailable:")) {
      return std::strtoll(line.c_str() + 13, nullptr, 10);
    }
  }
  return -1;
}

std::string shown(std::int64_t value) {
  return value < 0 ? "not known" : value == kNoLimit ? "no limit" : std::to_string(value);
}

std::string room_for(std::int64_t pods, int wanted) {
  return "room for about " + std::to_string(std::max<std::int64_t>(pods, 0)) + " pods, asked for " +
         std::to_string(wanted);
}

// An item whose limit must be `needed` for the lab wanted and `least` for any lab at all.
HostItem judge(std::string id, std::string title, std::int64_t value, std::int64_t least, std::int64_t needed,
               std::string message, std::string remedy) {
  HostItem item{std::move(id), std::move(title), shown(value), HostVerdict::Ok, "", ""};
  if (value < 0) {
    item.verdict = HostVerdict::Info;
    return item;
  }
  if (value < needed) {
    item.verdict = value < least ? HostVerdict::Fail : HostVerdict::Warn;
    item.message = std::move(message);
    item.remedy = std::move(remedy);
  }
  return item;
}

HostItem judge_namespaces(const std::string& kind, std::int64_t limit, int pods) {
  // A user namespace is made once a lab; of PID, IPC and cgroup ones, one too; the others once a pod.
  const bool is_per_pod = kind == "net" || kind == "mnt" || kind == "uts";
  const std::int64_t needed = is_per_pod ? pods + kBesidePods : 2;
  const std::string sysctl = "user.max_" + kind + "_namespaces";
  return judge("max_" + kind + "_namespaces", "limit " + sysctl, limit, is_per_pod ? kFewestNamespaces : 1,
               needed, is_per_pod ? room_for(limit - kBesidePods, pods) : "no lab can be made",
               "sudo sysctl -w " + sysctl + "=" + std::to_string(std::max<std::int64_t>(needed * 2, 28633)));
}

HostItem judge_open_files(const HostSizes& sizes, int pods) {
  const std::int64_t needed = std::int64_t{pods} * kOpenFilesPerPod + kFilesBesidePods;
  HostItem item =
      judge("nofile", "open files (hard limit)", sizes.open_files_hard, kFewestFiles, needed,
            room_for((sizes.open_files_hard - kFilesBesidePods) / kOpenFilesPerPod, pods),
            "sudo prlimit --pid $$ --nofile=" + std::to_string(std::max<std::int64_t>(needed * 2, 65536)));
  if (item.verdict == HostVerdict::Ok && sizes.open_files_soft < sizes.open_files_hard) {
    item.message = "the soft limit is " + shown(sizes.open_files_soft) + "; labs raise it to the hard one";
  }
  return item;
}

HostItem judge_processes(const HostSizes& sizes, int pods) {
  const std::int64_t limit =
      smaller(smaller(sizes.processes_of_user, sizes.processes_of_group), sizes.pid_max);
  const bool is_group = limit == sizes.processes_of_group;
  const bool is_user = limit == sizes.processes_of_user;
  const std::string which = is_group  ? "pids.max of the control group"
                            : is_user ? "ulimit -u"
                                      : "kernel.pid_max";
  const std::string remedy =
      is_group
          ? "systemd-run --user --scope -p TasksMax=infinity labctl up ... (in a container: --pids-limit -1)"
      : is_user ? "sudo prlimit --pid $$ --nproc=unlimited"
                : "sudo sysctl -w kernel.pid_max=4194304";
  HostItem item = judge("processes", "processes", limit, 16, pods + kBesidePods,
                        "room for about " + shown(limit) +
                            " processes: pods of the built-in server take none, other containers one each",
                        remedy);
  if (limit >= 0) {
    item.value += " (" + which + ")";
  }
  return item;
}

HostItem judge_memory(std::int64_t available_kb, int pods) {
  const double available_mb = static_cast<double>(available_kb) / 1024;
  const double needed_mb = kMemoryBesidePodsMb + pods * kMemoryPerPodMb;
  HostItem item{"memory", "memory available", "not known", HostVerdict::Info, "", ""};
  if (available_kb < 0) {
    return item;
  }
  item.value = std::to_string(std::llround(available_mb)) + " MB";
  item.verdict = HostVerdict::Ok;
  if (available_mb < needed_mb) {
    item.verdict = available_mb < kMemoryBesidePodsMb ? HostVerdict::Fail : HostVerdict::Warn;
    item.message =
        room_for(static_cast<std::int64_t>((available_mb - kMemoryBesidePodsMb) / kMemoryPerPodMb), pods) +
        ", at 0.34 MB each";
    item.remedy =
        "end other programs, or use a machine with " + std::to_string(std::llround(needed_mb)) + " MB free";
  }
  return item;
}

HostItem tell_inotify(std::int64_t instances) {
  return {"inotify",
          "inotify instances a user",
          shown(instances),
          HostVerdict::Info,
          "shared by all containers of a user's labs; the built-in server uses none",
          ""};
}

HostItem tell_neighbours(const HostSizes& sizes) {
  return {"neighbours",
          "neighbour table (gc_thresh3)",
          "IPv4 " + shown(sizes.neighbours_v4) + ", IPv6 " + shown(sizes.neighbours_v6),
          HostVerdict::Info,
          "shared by all namespaces of the host; labs use permanent entries, which do not count against it",
          ""};
}

}  // namespace

HostSizes read_sizes(const fs::path& root) {
  HostSizes sizes;
  for (const std::string_view kind : kNamespaceKinds) {
    const std::string name(kind);
    sizes.max_namespaces[name] = read_number(root / ("proc/sys/user/max_" + name + "_namespaces"));
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    sizes.open_files_soft = from_rlimit(limit.rlim_cur);
    sizes.open_files_hard = from_rlimit(limit.rlim_max);
  }
  if (::getrlimit(RLIMIT_NPROC, &limit) == 0) {
    sizes.processes_of_user = from_rlimit(limit.rlim_cur);
  }
  sizes.processes_of_group = read_pids_max(root);
  sizes.pid_max = read_number(root / "proc/sys/kernel/pid_max");
  sizes.inotify_instances = read_number(root / "proc/sys/fs/inotify/max_user_instances");
  sizes.memory_available_kb = read_meminfo(root / "proc/meminfo");
  sizes.neighbours_v4 = read_number(root / "proc/sys/net/ipv4/neigh/default/gc_thresh3");
  sizes.neighbours_v6 = read_number(root / "proc/sys/net/ipv6/neigh/default/gc_thresh3");
  return sizes;
}

std::vector<HostItem> judge_sizes(const HostSizes& sizes, int pods_wanted, bool in_user_namespace) {
  std::vector<HostItem> items;
  for (const std::string_view kind : kNamespaceKinds) {
    if (kind == "user" && !in_user_namespace) {
      continue;
    }
    if (const auto limit = sizes.max_namespaces.find(std::string(kind));
        limit != sizes.max_namespaces.end()) {
      items.push_back(judge_namespaces(limit->first, limit->second, pods_wanted));
    }
  }
  items.push_back(judge_open_files(sizes, pods_wanted));
  items.push_back(judge_processes(sizes, pods_wanted));
  items.push_back(judge_memory(sizes.memory_available_kb, pods_wanted));
  items.push_back(tell_inotify(sizes.inotify_instances));
  items.push_back(tell_neighbours(sizes));
  return items;
}

}  // namespace labctl::doctor
