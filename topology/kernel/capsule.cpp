#include "topology/kernel/capsule.hpp"

#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/kernel/mount_calls.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace labctl::kernel {
namespace {

constexpr const char* kPidMax = "/proc/sys/kernel/pid_max";

void do_mount(const char* source, const char* target, const char* type, unsigned long flags,
              const char* data) {
  if (::mount(source, target, type, flags, data) != 0) {
    throw Error::from_errno(errno,
                            std::string("mount ") + (type != nullptr ? type : source) + " on " + target);
  }
}

void bind_read_only(const char* path) {
  do_mount(path, path, nullptr, MS_BIND | MS_REC, nullptr);
  do_mount(nullptr, path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
           nullptr);
}

// Host-wide settings become read-only even for root; those of network namespaces, which all belong to the
// lab, stay writable. For a lab that runs as root itself: the check of a sysctl's file is by uid alone.
void protect_sysctls() {
  const UniqueFd net = take_mount(AT_FDCWD, "/proc/sys/net", Below::Not);
  if (!net) {
    throw Error::from_errno(errno, "open /proc/sys/net");
  }
  bind_read_only("/proc/sys");
  if (::syscall(SYS_move_mount, net.get(), "", AT_FDCWD, "/proc/sys/net", MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    throw Error::from_errno(errno, "mount /proc/sys/net");
  }
  for (const char* path : {"/proc/sysrq-trigger", "/proc/irq", "/proc/bus"}) {
    if (::access(path, F_OK) == 0) {
      bind_read_only(path);
    }
  }
}

// kernel.pid_max belongs to the PID namespace since Linux 6.14; before, the host's would be written.
bool has_own_pid_max() {
  utsname system{};
  ::uname(&system);
  int major = 0, minor = 0;
  return std::sscanf(system.release, "%d.%d", &major, &minor) == 2 &&
         (major > 6 || (major == 6 && minor >= 14));
}

// A kernel that refuses leaves the lab without the bound; whoever wants to know asks processes_max().
void bound_processes() {
  if (has_own_pid_max() && processes_max() > kProcessesMax) {
    std::ofstream(kPidMax) << kProcessesMax;
  }
}

// /etc/resolv.conf is often a link into /run, which is about to be covered.
void replace_run() {
  std::error_code ignored;
  const std::filesystem::path resolver = std::filesystem::canonical("/etc/resolv.conf", ignored);
  std::string text;
  if (resolver.native().starts_with("/run/")) {
    std::ifstream file(resolver);
    std::ostringstream all;
    all << file.rdbuf();
    text = all.str();
  }
  do_mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=256m");
  if (!text.empty()) {
    std::filesystem::create_directories(resolver.parent_path(), ignored);
    std::ofstream(resolver) << text;
  }
}

}  // namespace

void unshare_capsule(IdMapping mapping) {
  int flags = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
  if (mapping != IdMapping::Root) {
    flags |= CLONE_NEWUSER;
  }
  if (::unshare(flags) != 0) {
    throw Error::from_errno(errno, "unshare");
  }
}

void mount_capsule(const std::string& hostname) {
  do_mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  do_mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  bound_processes();
  protect_sysctls();
  do_mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, nullptr);
  replace_run();
  do_mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620");
  if (::sethostname(hostname.data(), hostname.size()) != 0) {
    throw Error::from_errno(errno, "set host name " + hostname);
  }
}

std::uint64_t processes_max() {
  std::uint64_t most = 0;
  std::ifstream(kPidMax) >> most;
  return most;
}

std::uint64_t raise_open_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  // The table of descriptors doubles as it fills, and in a process with threads the kernel
  // waits each time until no reader is left (expand_fdtable() and synchronize_rcu(): tens
  // of milliseconds a lab). It never shrinks.
  constexpr rlim_t kTableSize = 8192;
  const UniqueFd highest(
      ::fcntl(0, F_DUPFD_CLOEXEC, static_cast<int>(std::min(limit.rlim_cur, kTableSize) - 1)));
  return limit.rlim_cur;
}

}  // namespace labctl::kernel
