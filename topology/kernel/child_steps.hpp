#pragma once

// What a child does between vfork and exec, as a list prepared before: planning may
// allocate and throw, carrying out may only make system calls (signal-safety(7)), since
// other threads of the parent may hold any lock.

#include "topology/kernel/process.hpp"

#include <linux/filter.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace labctl::kernel {

// One system call; which of the fields it uses is in run_steps.
struct ChildStep {
  enum class Call {
    SetNamespaces,    // setns(fd, flags)
    Unshare,          // unshare(flags)
    Mount,            // mount(source, target, type, flags, data)
    Mkdir,            // mkdir(target); `number` is its mode, 0: 0755
    Symlink,          // symlink(source, target)
    Attach,           // move_mount(fd, target): a mount that was taken before
    ReadOnly,         // mount_setattr(target): read-only with all below it; with a `number` only itself
    MakeFile,         // an empty file at target, which may exist
    Unlink,           // unlink(target)
    EnterRoot,        // pivot_root to target, the old root detached
    SetHostname,      // sethostname(target)
    Chdir,            // chdir(target)
    SetSession,       // setsid()
    Duplicate,        // dup2(fd, number)
    Terminal,         // descriptor 0 becomes the controlling terminal
    Limit,            // setrlimit(number, limit)
    WriteFile,        // data to target, which is there; a refusal is no failure
    NoNewPrivileges,  // prctl(PR_SET_NO_NEW_PRIVS)
    Undumpable,       // prctl(PR_SET_DUMPABLE, 0)
    Capabilities,     // drop_to_container_capabilities()
    CloseOnExec,      // every descriptor from 3 on
    GiveFiles,        // fchownat() of `owners` in the root, as far as they are there and not mounted in it
    Groups,           // setgroups(groups)
    GroupId,          // setresgid(id, id, id)
    UserId,           // setresuid(id, id, id), pipes of the standard streams given to it
    Filter,           // install_filter(filter)
    Exec,             // execve(target, argv, env); with an `fd` the file that is open there
  };
  Call call;
  std::string act;  // for the message when it fails: "mount /etc/hosts"
  std::string source;
  std::string target;
  std::string type;
  std::string data;
  unsigned long flags = 0;
  int fd = -1;
  int number = 0;
  int tolerated = 0;  // an errno that counts as success
  ResourceLimit limit;
  std::uint32_t id = 0;
  std::vector<gid_t> groups;
  FileOwners owners;
};

struct ChildPlan {
  std::vector<ChildStep> steps;
  std::vector<sock_filter> filter;
  std::vector<std::string> argv;
  std::vector<std::string> env;  // "NAME=value"
  std::vector<UniqueFd> mounts;  // taken from our own tree, for Attach
};

// At the end of the plan; Mkdir takes what is there, Unlink what is not.
ChildStep& add_step(ChildPlan& plan, ChildStep::Call call, std::string act);

// `stdio` are the descriptors that become 0, 1 and 2; all from 3 on. Throws Error: NotFound if the program, a
// source or the root is absent; InvalidInput.
ChildPlan plan_child(const ProcessOptions& options, const int (&stdio)[3]);

// What the child tells its parent when a step is refused.
struct ChildFailure {
  std::int32_t step = 0;
  std::int32_t errno_value = 0;
};

// Carries out the steps; does not return if Exec succeeds. `argv` and `env` end in a null pointer.
// Async-signal-safe.
ChildFailure run_steps(const ChildPlan& plan, char* const* argv, char* const* env) noexcept;

}  // namespace labctl::kernel
