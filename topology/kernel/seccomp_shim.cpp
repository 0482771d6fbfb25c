#include "topology/kernel/seccomp_shim.hpp"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace labctl::kernel {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;
#endif

// aarch64 never had the calls that take a path without a folder.
constexpr std::uint32_t kPretended[] = {
    SYS_setuid,   SYS_setgid,   SYS_setreuid,  SYS_setregid, SYS_setresuid, SYS_setresgid,
    SYS_setfsuid, SYS_setfsgid, SYS_setgroups, SYS_fchown,   SYS_fchownat,  SYS_capset,
#if defined(SYS_chown)
    SYS_chown,
#endif
#if defined(SYS_lchown)
    SYS_lchown,
#endif
};

}  // namespace

std::vector<sock_filter> shim_filter() {
  std::vector<sock_filter> filter;
  if (kArchitecture == 0) {
    return filter;
  }
  constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
  constexpr std::uint32_t kPretend = SECCOMP_RET_ERRNO | 0;
  const auto load = [](std::size_t offset) {
    return sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  };
  filter.push_back(load(offsetof(seccomp_data, arch)));
  filter.push_back(sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0));
  filter.push_back(sock_filter BPF_STMT(BPF_RET | BPF_K, kAllow));
  filter.push_back(load(offsetof(seccomp_data, nr)));
  for (const std::uint32_t number : kPretended) {
    filter.push_back(sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
    filter.push_back(sock_filter BPF_STMT(BPF_RET | BPF_K, kPretend));
  }
  filter.push_back(sock_filter BPF_STMT(BPF_RET | BPF_K, kAllow));
  return filter;
}

int install_filter(const std::vector<sock_filter>& filter) noexcept {
  const sock_fprog program{static_cast<unsigned short>(filter.size()),
                           const_cast<sock_filter*>(filter.data())};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0) {
    return 0;
  }
  if (errno != EACCES) {
    return errno;
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return errno;
  }
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ? 0 : errno;
}

}  // namespace labctl::kernel
