#include "topology/kernel/process.hpp"

#include "topology/kernel/child_steps.hpp"
#include "topology/kernel/pid_namespace.hpp"

// std::filesystem, since boost::filesystem would have to be linked; with it,
// Process 1.81 forgets to include these.
#define BOOST_PROCESS_USE_STD_FS
#include <boost/optional.hpp>
#include <boost/type_traits/decay.hpp>
#include <boost/type_traits/is_convertible.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/process/v2/posix/vfork_launcher.hpp>
#include <boost/process/v2/process.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>

namespace labctl::kernel {
namespace {

namespace process = boost::process::v2;

constexpr int kFirstFreeFd = 3;
// A fork bomb could outrun us for ever.
constexpr int kKillRounds = 20;
// A process in an uninterruptible call dies only after it; the main thread does not wait longer for it.
constexpr std::chrono::milliseconds kKillWait{500};

// To the process group of that number rather than to the process: PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9.
constexpr unsigned kToGroup = 1u << 2;

int send_signal(int pidfd, int number, unsigned flags = 0) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, flags));
}

UniqueFd open_pidfd(pid_t pid) { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

// A close-on-exec copy that cannot be one of the child's 0, 1 and 2.
UniqueFd duplicate(int fd, const char* act) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, kFirstFreeFd));
  if (!copy) {
    throw Error::from_errno(errno, act);
  }
  return copy;
}

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Pipe make_pipe(const char* act) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw Error::from_errno(errno, act);
  }
  const UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  return {duplicate(read_end.get(), act), duplicate(write_end.get(), act)};
}

// The child's end of one standard stream, and ours if it is a pipe.
struct Stream {
  UniqueFd child;
  UniqueFd parent;
};

Stream open_stream(const Stdio& stdio, bool child_reads) {
  Stream stream;
  switch (stdio.kind) {
    case Stdio::Kind::Null:
      stream.child = duplicate(UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)).get(), "open /dev/null");
      break;
    case Stdio::Kind::Fd:
      stream.child = duplicate(stdio.fd, "give the program its standard stream");
      break;
    case Stdio::Kind::Pipe: {
      Pipe pipe = make_pipe("make pipe");
      stream.child = std::move(child_reads ? pipe.read_end : pipe.write_end);
      stream.parent = std::move(child_reads ? pipe.write_end : pipe.read_end);
      if (!child_reads) {
        ::fcntl(stream.parent.get(), F_SETFL, O_NONBLOCK);
      }
      break;
    }
  }
  return stream;
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> result;
  result.reserve(words.size() + 1);
  for (const std::string& word : words) {
    result.push_back(const_cast<char*>(word.c_str()));
  }
  result.push_back(nullptr);
  return result;
}

// The child's half, run by the launcher after vfork(2): in our memory while we stand still, since copying the tables of
// all of it and dropping them again costs more than the steps do. It ends in exec or _exit and never goes back: what the
// launcher would do next, exit(3), runs the parent's own exit handlers.
struct RunChild {
  const ChildPlan& plan;
  char* const* argv;
  char* const* env;
  int report_fd;

  template <typename Launcher>
  process::error_code on_exec_setup(Launcher&, const process::filesystem::path&, const char* const*&) {
    const ChildFailure failure = run_steps(plan, argv, env);
    [[maybe_unused]] const ssize_t sent = ::write(report_fd, &failure, sizeof(failure));
    ::_exit(127);
  }
};

// Signals stay blocked from before the fork until the child has dropped our handlers.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

struct Launched {
  pid_t pid = -1;
  UniqueFd pidfd;
};

// An io_context of its own, because the launcher tells its services about the fork: those of a context in use
// would take locks in the child and register every descriptor again.
Launched launch(RunChild child, const char* program) {
  boost::asio::io_context context;
  process::posix::vfork_launcher launcher;
  launcher.env = child.env;
  process::error_code error;
  const char** argv = const_cast<const char**>(child.argv);
  const BlockedSignals blocked;
  // The child shuts others out of the memory that is ours as well.
  const int may_be_dumped = ::prctl(PR_GET_DUMPABLE);
  auto started = launcher(context.get_executor(), error, process::filesystem::path(program), argv, child);
  if (may_be_dumped == 1) {
    ::prctl(PR_SET_DUMPABLE, 1);
  }
  if (error) {
    throw Error::from_errno(error.value(), "fork");
  }
  const pid_t pid = started.id();
  started.detach();
  // Its number cannot mean another process: it is our child, and not reaped.
  Launched launched{pid, open_pidfd(pid)};
  if (!launched.pidfd) {
    const int cause = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    throw Error::from_errno(cause, "open pidfd");
  }
  return launched;
}

Error explain(const ChildPlan& plan, const ChildFailure& failure) {
  const ChildStep& step = plan.steps.at(static_cast<std::size_t>(failure.step));
  std::string hint;
  if (step.call == ChildStep::Call::Exec && failure.errno_value == ENOENT) {
    hint = "the file is there, but not the interpreter it names (its first line, or its ELF loader)";
  } else if (step.call == ChildStep::Call::Exec && failure.errno_value == ENOEXEC) {
    hint = "a script needs a first line such as #!/bin/sh, a binary the architecture of this machine";
  } else if (failure.errno_value == ENOSPC && step.call == ChildStep::Call::Unshare) {
    hint = "raise the limits: sudo sysctl -w user.max_mnt_namespaces=100000 user.max_uts_namespaces=100000";
  }
  return Error::from_errno(failure.errno_value, step.act, std::move(hint));
}

ino_t inode_of(const char* path) {
  struct stat status {};
  return ::stat(path, &status) == 0 ? status.st_ino : 0;
}

ino_t mount_namespace_of(pid_t pid) { return inode_of(("/proc/" + std::to_string(pid) + "/ns/mnt").c_str()); }

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

// The processes in /proc that are in one of the namespaces, each held by a pidfd before it is looked
// at, so that the signal goes to the one that was seen.
std::vector<UniqueFd> members_of(const std::set<ino_t>& namespaces) {
  std::vector<UniqueFd> members;
  const std::unique_ptr<DIR, CloseFolder> folder(::opendir("/proc"));
  if (!folder) {
    return members;
  }
  while (const dirent* entry = ::readdir(folder.get())) {
    const pid_t pid = std::atoi(entry->d_name);
    if (pid <= 1 || !namespaces.contains(mount_namespace_of(pid))) {
      continue;
    }
    UniqueFd pidfd = open_pidfd(pid);
    if (pidfd && namespaces.contains(mount_namespace_of(pid))) {
      members.push_back(std::move(pidfd));
    }
  }
  return members;
}

}  // namespace

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : in(std::move(other.in)),
      out(std::move(other.out)),
      err(std::move(other.err)),
      pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      mount_namespace_(std::exchange(other.mount_namespace_, 0)),
      mount_namespace_fd_(std::move(other.mount_namespace_fd_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    end();
    in = std::move(other.in);
    out = std::move(other.out);
    err = std::move(other.err);
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
    mount_namespace_ = std::exchange(other.mount_namespace_, 0);
    mount_namespace_fd_ = std::move(other.mount_namespace_fd_);
  }
  return *this;
}

ChildProcess::~ChildProcess() { end(); }

void ChildProcess::end() noexcept {
  if (!pidfd_) {
    return;
  }
  send_signal(pidfd_.get(), SIGKILL);
  siginfo_t ended{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &ended, WEXITED) != 0 && errno == EINTR) {
  }
  release();
}

UniqueFd ChildProcess::release() noexcept {
  pid_ = -1;
  return std::move(pidfd_);
}

bool ChildProcess::signal(int number) const noexcept {
  return pidfd_ && send_signal(pidfd_.get(), number) == 0;
}

bool ChildProcess::signal_group(int number) const noexcept {
  if (pid_ <= 1 || !pidfd_) {
    return false;
  }
  if (send_signal(pidfd_.get(), number, kToGroup) == 0) {
    return true;
  }
  return errno == EINVAL && ::kill(-pid_, number) == 0;  // an older kernel
}

ExitStatus ChildProcess::wait() {
  siginfo_t ended{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &ended, WEXITED) != 0) {
    if (errno != EINTR) {
      throw Error(ErrorKind::Internal,
                  "wait for process " + std::to_string(pid_) + ": it was reaped elsewhere");
    }
  }
  release();
  ExitStatus status;
  (ended.si_code == CLD_EXITED ? status.code : status.signal) = ended.si_status;
  return status;
}

ChildProcess spawn(const ProcessOptions& options) {
  Stream in = open_stream(options.in, true);
  Stream out = open_stream(options.out, false);
  Stream err = open_stream(options.err, false);
  const ChildPlan plan = plan_child(options, {in.child.get(), out.child.get(), err.child.get()});
  const std::vector<char*> argv = pointers(plan.argv);
  const std::vector<char*> env = pointers(plan.env);
  Pipe report = make_pipe("make pipe");

  // The launcher returns when exec has closed its own pipe, or the child has ended.
  Launched launched = [&] {
    const ForksIntoNamespace within(options.pid_namespace, options.new_pid_namespace);
    return launch({plan, argv.data(), env.data(), report.write_end.get()}, plan.steps.back().target.c_str());
  }();
  report.write_end.reset();
  ChildProcess child;
  child.pid_ = launched.pid;
  child.pidfd_ = std::move(launched.pidfd);

  ChildFailure failure;
  if (::read(report.read_end.get(), &failure, sizeof(failure)) == sizeof(failure)) {
    throw explain(plan, failure);  // `child` is reaped by its destructor
  }
  child.in = std::move(in.parent);
  child.out = std::move(out.parent);
  child.err = std::move(err.parent);
  // Opened before it is numbered, so that the number stays its own.
  child.mount_namespace_fd_.reset(
      ::open(("/proc/" + std::to_string(child.pid_) + "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
  struct stat opened {};
  const bool is_open = child.mount_namespace_fd_ && ::fstat(child.mount_namespace_fd_.get(), &opened) == 0;
  const ino_t mount_namespace = is_open ? opened.st_ino : 0;
  child.mount_namespace_ = mount_namespace == mount_namespace_of(::getpid()) ? 0 : mount_namespace;
  return child;
}

std::size_t kill_members(std::set<ino_t> namespaces) {
  namespaces.erase(0);
  namespaces.erase(mount_namespace_of(::getpid()));
  std::size_t count = 0;
  for (int round = 0; round < kKillRounds && !namespaces.empty(); ++round) {
    const std::vector<UniqueFd> members = members_of(namespaces);
    std::size_t killed = 0;
    for (const UniqueFd& member : members) {
      killed += send_signal(member.get(), SIGKILL) == 0 ? 1 : 0;
    }
    if (killed == 0) {
      break;
    }
    count += killed;
    const auto deadline = std::chrono::steady_clock::now() + kKillWait;
    for (const UniqueFd& member : members) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd dead{member.get(), POLLIN, 0};
      ::poll(&dead, 1, std::max(0, static_cast<int>(left.count())));
    }
  }
  return count;
}

}  // namespace labctl::kernel
