#include "topology/kernel/pid_namespace.hpp"

#include "topology/base/error.hpp"
#include "topology/kernel/container_init_image.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace labctl::kernel {
namespace {

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U  // Linux 6.3
#endif

constexpr const char* kInitName = "container-init";
// The first process in a namespace is 1, the init, and the next one 2.
constexpr const char* kFirstProgram = "2";

UniqueFd open_init_image() {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  UniqueFd file(::memfd_create(kInitName, kFlags | MFD_EXEC));
  if (!file && errno == EINVAL) {
    file.reset(::memfd_create(kInitName, kFlags));
  }
  if (!file) {
    throw Error::from_errno(errno, "make a file in memory for the init of containers",
                            errno == EACCES ? "sysctl vm.memfd_noexec must be less than 2" : "");
  }
  for (std::string_view left = container_init_image(); !left.empty();) {
    const ssize_t size = ::write(file.get(), left.data(), left.size());
    if (size < 0) {
      throw Error::from_errno(errno, "write the init of containers");
    }
    left.remove_prefix(static_cast<std::size_t>(size));
  }
  ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
  return file;
}

int init_file() {
  static const UniqueFd kFile = open_init_image();
  return kFile.get();
}

UniqueFd own_namespace() {
  UniqueFd own(::open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
  if (!own) {
    throw Error::from_errno(errno, "open the own PID namespace");
  }
  return own;
}

// If this were refused, all later children would be in a container: the lab must not go on.
void fork_into_own_again(int own) noexcept {
  if (::setns(own, CLONE_NEWPID) != 0) {
    std::abort();
  }
}

// It closes what it inherits itself: here its own file would be closed before it is executed.
int spawn_init(const char* path, InitSignals signals, pid_t& pid) {
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  for (int number = 0; number < 3; ++number) {
    ::posix_spawn_file_actions_addopen(&files, number, "/dev/null", O_RDWR, 0);
  }
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t all;
  ::sigfillset(&all);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setsigmask(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  std::string name = kInitName;
  std::string program = kFirstProgram;
  std::array<char*, 3> argv{name.data(), signals == InitSignals::ToProgram ? program.data() : nullptr,
                            nullptr};
  std::array<char*, 1> env{nullptr};
  const int cause = ::posix_spawn(&pid, path, &files, &attributes, argv.data(), env.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  return cause;
}

}  // namespace

PidNamespace PidNamespace::create(InitSignals signals) {
  const std::string path = "/proc/self/fd/" + std::to_string(init_file());
  PidNamespace made;
  const int cause = [&] {
    const ForksIntoNamespace within(-1, true);
    return spawn_init(path.c_str(), signals, made.init_pid_);
  }();
  if (cause != 0) {
    throw Error::from_errno(cause, "start the init of a container");
  }
  made.init_pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, made.init_pid_, 0)));
  if (!made.init_pidfd_) {
    const int refused = errno;
    ::kill(made.init_pid_, SIGKILL);
    throw Error::from_errno(refused, "open pidfd");
  }
  return made;
}

PidNamespace PidNamespace::create_in(ProcessOptions place) {
  place.new_pid_namespace = true;
  ChildProcess init = hold_place(std::move(place));
  PidNamespace made;
  made.init_pid_ = init.pid();
  made.init_pidfd_ = init.release();
  return made;
}

PidNamespace::PidNamespace(PidNamespace&& other) noexcept
    : init_pidfd_(std::move(other.init_pidfd_)), init_pid_(std::exchange(other.init_pid_, -1)) {}

PidNamespace& PidNamespace::operator=(PidNamespace&& other) noexcept {
  if (this != &other) {
    end();
    init_pidfd_ = std::move(other.init_pidfd_);
    init_pid_ = std::exchange(other.init_pid_, -1);
  }
  return *this;
}

void PidNamespace::kill() noexcept {
  if (init_pidfd_) {
    ::syscall(SYS_pidfd_send_signal, init_pidfd_.get(), SIGKILL, nullptr, 0);
  }
}

bool PidNamespace::end(std::chrono::milliseconds wait) noexcept {
  if (!init_pidfd_) {
    return true;
  }
  kill();
  pollfd ended{init_pidfd_.get(), POLLIN, 0};
  const bool is_dead = ::poll(&ended, 1, static_cast<int>(wait.count())) == 1;
  if (is_dead) {
    siginfo_t status{};  // a Reaper may have been first
    ::waitid(P_PIDFD, static_cast<id_t>(init_pidfd_.get()), &status, WEXITED | WNOHANG);
  }
  init_pidfd_.reset();
  init_pid_ = -1;
  return is_dead;
}

ChildProcess hold_place(ProcessOptions place) {
  place.argv = {kInitName};
  place.program_fd = init_file();
  place.capabilities = CapabilityPolicy::Keep;  // nobody may look into it
  place.seccomp_shim = false;
  return spawn(place);
}

ForksIntoNamespace::ForksIntoNamespace(int pidfd, bool into_new) {
  if (pidfd < 0 && !into_new) {
    return;
  }
  own_ = own_namespace();
  if (into_new && ::unshare(CLONE_NEWPID) != 0) {
    throw Error::from_errno(
        errno, "create a PID namespace",
        errno == ENOSPC ? "raise the limit: sudo sysctl -w user.max_pid_namespaces=100000" : "");
  }
  if (!into_new && ::setns(pidfd, CLONE_NEWPID) != 0) {
    throw Error::from_errno(errno, "enter the container's PID namespace");
  }
}

ForksIntoNamespace::~ForksIntoNamespace() {
  if (own_) {
    fork_into_own_again(own_.get());
  }
}

}  // namespace labctl::kernel
