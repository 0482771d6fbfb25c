#include "tests/netns/doctor/refusing_host.hpp"

#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <vector>

namespace labctl::netns {
namespace {

constexpr uid_t kOrdinaryUser = 1000;

void check(bool done, const char* act) {
  if (!done) {
    throw Error::from_errno(errno, act);
  }
}

void write_file(const char* path, const std::string& text) {
  const UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
  check(fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()), path);
}

// A user namespace with `uid` as the only id, and namespaces of `more` flags.
void enter_user_namespace(uid_t uid, int more = 0) {
  const std::string own_uid = std::to_string(::geteuid());
  const std::string own_gid = std::to_string(::getegid());
  check(::unshare(CLONE_NEWUSER | more) == 0, "unshare");
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", std::to_string(uid) + " " + own_uid + " 1");
  write_file("/proc/self/gid_map", std::to_string(uid) + " " + own_gid + " 1");
}

void allow(std::vector<sock_filter>& filter) {
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

void refuse(std::vector<sock_filter>& filter, unsigned number, int errno_value) {
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(errno_value)));
}

std::vector<sock_filter> container_filter() {
  constexpr unsigned kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                      CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  std::vector<sock_filter> filter{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  refuse(filter, SYS_unshare, EPERM);
  refuse(filter, SYS_setns, EPERM);
  refuse(filter, SYS_mount, EPERM);
  refuse(filter, SYS_clone3, ENOSYS);
  // clone: the flags are its first argument.
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0));
  allow(filter);
  filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)));
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kNewNamespaces, 0, 1));
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  allow(filter);
  return filter;
}

}  // namespace

void enter_host_without_user_namespaces() {
  enter_user_namespace(kOrdinaryUser);
  // We have CAP_SYS_RESOURCE in it until the next execve(2).
  write_file("/proc/sys/user/max_user_namespaces", "0");
}

void enter_host_with_masked_proc() {
  enter_user_namespace(kOrdinaryUser, CLONE_NEWNS);
  check(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make mounts private");
  const char* file = ::access("/proc/kcore", F_OK) == 0 ? "/proc/kcore" : "/proc/version";
  check(::mount("/dev/null", file, nullptr, MS_BIND, nullptr) == 0, "cover a file");
  check(::mount("tmpfs", "/proc/driver", "tmpfs", MS_RDONLY, "size=4k") == 0, "cover a folder");
}

void enter_host_with_container_filter(uid_t uid) {
  if (uid != 0 && ::geteuid() == 0) {
    check(::setresgid(uid, uid, uid) == 0 && ::setresuid(uid, uid, uid) == 0, "become a user");
  }
  std::vector<sock_filter> filter = container_filter();
  sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "set no_new_privs");
  check(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "install the filter");
}

std::string run_in_child(const std::function<std::string()>& work) {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC) == 0, "pipe2");
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t child = ::fork();
  check(child >= 0, "fork");
  if (child == 0) {
    std::string text;
    try {
      text = work();
    } catch (const std::exception& error) {
      text = std::string("exception: ") + error.what();
    }
    const ssize_t n = ::write(write_end.get(), text.data(), text.size());
    ::_exit(n == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  write_end.reset();
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = ::read(read_end.get(), buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<size_t>(n));
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return text;
}

}  // namespace labctl::netns
