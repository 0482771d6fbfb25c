#include "topology/kernel/capsule.hpp"
#include "topology/kernel/child_steps.hpp"
#include "topology/kernel/host_tree.hpp"
#include "topology/kernel/mount_plan.hpp"
#include "topology/kernel/program_lookup.hpp"
#include "topology/kernel/seccomp_shim.hpp"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <utility>

namespace labctl::kernel {
namespace {

using Call = ChildStep::Call;

constexpr std::size_t kHostnameMax = 64;  // sethostname(2)
// What programs of pods have more than we: when memory is short they go, and the lab that tells of it stays.
constexpr int kOomScoreMore = 500;
constexpr int kOomScoreMost = 1'000;

std::string oom_score_of_programs() {
  static const std::string kScore = [] {
    int own = 0;
    std::ifstream("/proc/self/oom_score_adj") >> own;
    return std::to_string(std::min(own + kOomScoreMore, kOomScoreMost));
  }();
  return kScore;
}

// Where the PID namespace has no bound of its own: for all processes of a user in the lab's user namespace
// (setrlimit(2), Linux 5.14). Not for the host's root, who is not held to it.
std::optional<ResourceLimit> bound_of_processes() {
  static const bool kIsBounded = processes_max() <= kProcessesMax;
  rlimit own{};
  if (kIsBounded || ::getrlimit(RLIMIT_NPROC, &own) != 0 || own.rlim_max <= kProcessesMax) {
    return std::nullopt;
  }
  return ResourceLimit{RLIMIT_NPROC, kProcessesMax, kProcessesMax};
}

class Planner {
 public:
  explicit Planner(const ProcessOptions& options) : options_(options) {}

  ChildPlan plan(const int (&stdio)[3]) {
    check();
    const bool is_open = options_.program_fd >= 0;
    const std::string program =
        is_open ? options_.argv.front()
                : find_program(options_.argv.front(), path_variable(), options_.working_dir, file_tree());
    if (options_.capabilities == CapabilityPolicy::Container) {
      ChildStep& score = add(Call::WriteFile, "raise oom_score_adj");
      score.target = "/proc/self/oom_score_adj";
      score.data = oom_score_of_programs();
    }
    enter_namespaces();
    if (options_.join_pidfd < 0 && options_.view) {
      plan_mounts(plan_, *options_.view, options_.pid_namespace >= 0 || options_.new_pid_namespace);
    }
    if (options_.join_pidfd < 0 && !options_.hostname.empty()) {
      add(Call::SetHostname, "set hostname " + options_.hostname).target = options_.hostname;
    }
    const std::string folder = options_.working_dir.empty() ? "/" : options_.working_dir;
    add(Call::Chdir, "working directory " + folder).target = folder;
    set_streams(stdio);
    restrict();
    ChildStep& exec = add(Call::Exec, "exec " + options_.argv.front());
    exec.target = program;
    exec.fd = options_.program_fd;
    plan_.argv = options_.argv;
    for (const auto& [name, value] : options_.env) {
      plan_.env.push_back(name + "=" + value);
    }
    return std::move(plan_);
  }

 private:
  void check() const {
    if (options_.argv.empty()) {
      throw Error(ErrorKind::InvalidInput, "exec: the command is empty");
    }
    if (options_.hostname.size() > kHostnameMax) {
      throw Error(ErrorKind::InvalidInput, "set hostname " + options_.hostname + ": longer than 64 bytes");
    }
    if (!options_.working_dir.empty() && options_.working_dir.front() != '/') {
      throw Error(ErrorKind::InvalidInput,
                  "working directory " + options_.working_dir + ": not an absolute path");
    }
  }

  // Where the program will be looked for, as seen from here.
  std::string file_tree() const {
    if (options_.join_pidfd < 0) {
      return options_.view ? options_.view->root : std::string();
    }
    std::ifstream file("/proc/self/fdinfo/" + std::to_string(options_.join_pidfd));
    for (std::string word; file >> word;) {
      pid_t pid = -1;
      if (word == "Pid:" && file >> pid && pid > 0) {
        return "/proc/" + std::to_string(pid) + "/root";
      }
    }
    throw Error(ErrorKind::NotFound, "join the container's namespaces: its process has ended");
  }

  std::string path_variable() const {
    for (const auto& [name, value] : options_.env) {
      if (name == "PATH") {
        return value;
      }
    }
    return std::string(kDefaultPath);
  }

  ChildStep& add(Call call, std::string act) { return add_step(plan_, call, std::move(act)); }

  void enter_namespaces() {
    if (options_.join_pidfd >= 0) {
      ChildStep& step = add(Call::SetNamespaces, "join the container's namespaces");
      step.fd = options_.join_pidfd;
      step.flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET;
      return;
    }
    if (options_.netns_fd >= 0) {
      ChildStep& step = add(Call::SetNamespaces, "enter network namespace");
      step.fd = options_.netns_fd;
      step.flags = CLONE_NEWNET;
    }
    if (options_.view) {
      ChildStep& step = add(Call::SetNamespaces, "enter the tree of containers");
      step.fd = options_.view->tree->namespace_fd();
      step.flags = CLONE_NEWNS;
    }
    const unsigned long flags =
        (options_.view ? CLONE_NEWNS : 0) | (options_.hostname.empty() ? 0 : CLONE_NEWUTS);
    if (flags != 0) {
      add(Call::Unshare, "create mount and UTS namespaces").flags = flags;
    }
  }

  void set_streams(const int (&stdio)[3]) {
    if (options_.new_session || options_.controlling_terminal) {
      add(Call::SetSession, "start session");
    }
    for (int number = 0; number < 3; ++number) {
      ChildStep& step = add(Call::Duplicate, "set standard streams");
      step.fd = stdio[number];
      step.number = number;
    }
    if (options_.controlling_terminal) {
      add(Call::Terminal, "take controlling terminal");
    }
  }

  // Behind the bounding set, which only root may lessen; setting ids is among what is left. What is left of it goes with
  // uid 0 (capabilities(7)).
  void take_ids() {
    if (!options_.ids) {
      return;
    }
    const ProcessIds& ids = *options_.ids;
    if (!ids.owners.empty() && options_.join_pidfd < 0) {
      add(Call::GiveFiles, "give files to their owners").owners = ids.owners;
    }
    ChildStep& groups = add(Call::Groups, "set supplementary groups, which the lab may not map");
    groups.groups = ids.groups;
    add(Call::GroupId, "set group id " + std::to_string(ids.gid) + ", which the lab may not map").id =
        ids.gid;
    add(Call::UserId, "set user id " + std::to_string(ids.uid) + ", which the lab may not map").id = ids.uid;
  }

  // The filter comes last: it would otherwise see our own calls.
  void restrict() {
    for (const ResourceLimit& limit : options_.limits) {
      add(Call::Limit, "set resource limit " + std::to_string(limit.resource)).limit = limit;
    }
    if (options_.capabilities == CapabilityPolicy::Container) {
      if (const auto bound = bound_of_processes()) {
        add(Call::Limit, "bound the processes").limit = *bound;
      }
      // Until exec(2) it has our memory and descriptors: others in the container, who may as much from here on, must not
      // look into it (ptrace(2)). After exec it is as it always is.
      add(Call::Undumpable, "keep others from the memory");
      add(Call::Capabilities, "drop capabilities");
      add(Call::NoNewPrivileges, "set no_new_privs");
    }
    take_ids();
    add(Call::CloseOnExec, "close descriptors");
    if (options_.seccomp_shim) {
      plan_.filter = shim_filter();
      if (!plan_.filter.empty()) {
        add(Call::Filter, "install seccomp filter");
      }
    }
  }

  const ProcessOptions& options_;
  ChildPlan plan_;
};

}  // namespace

ChildPlan plan_child(const ProcessOptions& options, const int (&stdio)[3]) {
  return Planner(options).plan(stdio);
}

}  // namespace labctl::kernel
