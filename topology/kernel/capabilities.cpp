#include "topology/kernel/capabilities.hpp"

#include "topology/base/error.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <fstream>

namespace labctl::kernel {
namespace {

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }

constexpr std::uint64_t kContainerSet =
    bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_FOWNER) | bit(CAP_FSETID) | bit(CAP_KILL) |
    bit(CAP_SETGID) | bit(CAP_SETUID) | bit(CAP_SETPCAP) | bit(CAP_SETFCAP) | bit(CAP_NET_BIND_SERVICE) |
    bit(CAP_SYS_CHROOT) | bit(CAP_AUDIT_WRITE) | bit(CAP_NET_RAW) | bit(CAP_NET_ADMIN);

// The map of the first user namespace: every id there is.
constexpr std::uint64_t kEveryId = 4294967295;

}  // namespace

Privilege current_privilege() {
  std::ifstream file("/proc/self/uid_map");
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  std::uint64_t total = 0;
  bool is_identity = false;
  while (file >> inside >> outside >> count) {
    total += count;
    is_identity = is_identity || (inside == 0 && outside == 0 && count == kEveryId);
  }
  if (total == 0) {
    throw Error(ErrorKind::Kernel, "read /proc/self/uid_map: no id is mapped");
  }
  if (is_identity) {
    return Privilege::RealRoot;
  }
  return total == 1 ? Privilege::SingleId : Privilege::IdRange;
}

int drop_to_container_capabilities() noexcept {
  // The kernel may know more than our headers do, so ask it where the numbers end.
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    const bool keep = capability < 64 && (kContainerSet & bit(capability)) != 0;
    if (!keep && ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1 &&
        ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
      return errno;
    }
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &header, data) != 0) {
    return errno;
  }
  const std::uint32_t keep[2] = {static_cast<std::uint32_t>(kContainerSet),
                                 static_cast<std::uint32_t>(kContainerSet >> 32)};
  for (int word = 0; word < 2; ++word) {
    data[word].permitted &= keep[word];
    data[word].effective &= keep[word];
    data[word].inheritable = 0;
  }
  return ::syscall(SYS_capset, &header, data) != 0 ? errno : 0;
}

}  // namespace labctl::kernel
