#pragma once

// Processes of pods: vfork, enter the pod, take on its view of files and its limits, exec. As owned values.
//
// Between vfork and exec the child only makes system calls prepared before (signal-safety(7)): the caller may
// have many threads. What fails there comes back to the parent as an Error that names the step.
//
// Threads: spawn from the thread that reaps (Reaper), so that no child is reaped before it is known.

#include "topology/base/error.hpp"
#include "topology/base/file_owner.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/kernel/capabilities.hpp"

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace labctl::kernel {

class HostTree;

// How a process ended. Exactly one of the two counts: `signal` is 0 after exit(3).
struct ExitStatus {
  int code = 0;
  int signal = 0;
  bool operator==(const ExitStatus&) const = default;
  // What shells and Kubernetes report: the code, or 128 + signal.
  int exit_code() const noexcept { return signal != 0 ? 128 + signal : code; }
};

// One of descriptors 0, 1 and 2 of the child. With `fd`, the caller keeps its own copy.
struct Stdio {
  enum class Kind { Null, Pipe, Fd };
  Kind kind = Kind::Null;
  int fd = -1;

  static Stdio null() { return {}; }
  static Stdio pipe() { return {Kind::Pipe, -1}; }
  static Stdio from(int fd) { return {Kind::Fd, fd}; }
};

// Shows the file or folder `source` (as the caller sees it) at `target` (absolute, as the child sees it). A target that
// is missing, or a dangling link, is made in a layer above the nearest folder that is there. A target below that of
// another bind is looked for in that one, and must be there.
struct FileBind {
  std::string source;  // or /proc/self/fd/NUMBER of `held`
  std::string target;
  bool read_only = false;
  // What `source` is reached by, when its path cannot be trusted to stay the same. Shared with copies of the
  // options, which live until the child has mounted it.
  std::shared_ptr<const UniqueFd> held{};
};

// The child's own mount namespace (mount_namespaces(7)); nothing it mounts is seen elsewhere. Over kScratch it has a small
// tmpfs of its own, which holds its layers and what it has to itself (HostTree::own_folders()), and goes with it.
struct MountView {
  // `tree` must outlive the spawn.
  explicit MountView(const HostTree& its_tree) : tree(&its_tree) {}

  const HostTree* tree;
  std::vector<FileBind> binds{};
  // A folder (as the caller sees it) that becomes the child's "/", under a writable layer: the folder itself is never
  // changed. /proc, /sys and /dev are provided. Empty: the tree's.
  std::string root{};
  // All but `binds` and /dev/shm is read-only.
  bool is_read_only = false;
  // A new sysfs on /sys, so that /sys/class/net shows the links of `netns_fd`.
  bool fresh_sysfs = true;
};

struct ResourceLimit {
  int resource = 0;  // RLIMIT_NOFILE, ...; setrlimit(2)
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

// Who a program is, by ids of our own user namespace; see credentials(7). Without capabilities, unless it is uid 0.
struct ProcessIds {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary; all that it has
  // Of files of its root, which are given to them first: those of a writable layer of its own, not what is mounted in it.
  FileOwners owners;
};

struct ProcessOptions {
  // argv[0] is looked up in the child's own PATH and file tree; with a '/' it is taken as it is.
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> env;
  std::string working_dir;  // empty: /
  // Network namespace to enter; -1: stay. Borrowed, as every descriptor here.
  int netns_fd = -1;
  // Enters the mount, UTS and network namespaces of this process (a pidfd) instead of making some; then
  // `netns_fd`, `view` and `hostname` are not used. Linux 5.8.
  int join_pidfd = -1;
  // Executed instead of what argv[0] names; -1: none.
  int program_fd = -1;
  // PID namespace to be in (PidNamespace::fd()); -1: ours, or a new one. With `view`, /proc shows that namespace and no
  // more, what it tells of the machine's kernel is masked, and /dev/pts is the child's own.
  int pid_namespace = -1;
  bool new_pid_namespace = false;
  std::optional<MountView> view;
  std::string hostname;  // not empty: an own UTS namespace with this name, at most 64 bytes
  Stdio in = Stdio::null();
  Stdio out = Stdio::null();
  Stdio err = Stdio::null();
  // Descriptor 0, a terminal (see open_pty), becomes the controlling terminal.
  bool controlling_terminal = false;
  bool new_session = true;  // setsid(2)
  CapabilityPolicy capabilities = CapabilityPolicy::Keep;
  std::optional<ProcessIds> ids;  // nothing: ours
  bool seccomp_shim = false;      // see seccomp_shim.hpp
  std::vector<ResourceLimit> limits;
};

// A child that lives as long as this object, unless released: the destructor kills it and waits for it.
class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  pid_t pid() const noexcept { return pid_; }
  // Readable once the process has ended; pidfd_open(2).
  int pidfd() const noexcept { return pidfd_.get(); }
  // Our ends of Stdio::pipe(), close-on-exec; `out` and `err` do not block. Empty otherwise.
  UniqueFd in, out, err;

  // False if it has ended already. Goes through the pidfd, so a reused pid is never hit.
  bool signal(int number) const noexcept;
  // The same for every process of its session that is still in its process group; false if none is left. Must
  // not be called once the process is reaped: the number may be somebody else's then.
  bool signal_group(int number) const noexcept;
  // Waits and reaps. Only where no Reaper runs. Throws Error: Internal if somebody else reaped it.
  ExitStatus wait();
  // Tells the mount namespace of the child apart from others; 0 if it has none of its own. Survives the
  // process, and means no other namespace as long as this object lives: the kernel gives the number of a
  // namespace that is gone to the next one.
  ino_t mount_namespace() const noexcept { return mount_namespace_; }
  // Forgets the process without touching it: it was reaped by a Reaper, or is somebody else's from now on, who gets
  // the pidfd.
  UniqueFd release() noexcept;

 private:
  friend ChildProcess spawn(const ProcessOptions& options);
  void end() noexcept;
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  ino_t mount_namespace_ = 0;
  UniqueFd mount_namespace_fd_;
};

// Starts a program and returns when exec(2) has succeeded.
// Throws Error: NotFound with a hint if there is no such program; else by the errno of the step that was
// refused, as in "mount /etc/hosts: Permission denied (EACCES)"; InvalidInput for an empty argv.
ChildProcess spawn(const ProcessOptions& options);

// Kills every process that is in one of these mount namespaces (by inode): what a container left behind whose PID
// namespace goes on, since others share it. A daemon cannot get away by a new session. Repeats until none is seen.
// Returns how many were killed. 0 and the caller's own namespace are skipped. Reads all of /proc: give many at once.
std::size_t kill_members(std::set<ino_t> mount_namespaces);

}  // namespace labctl::kernel
