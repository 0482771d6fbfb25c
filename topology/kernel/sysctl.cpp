#include "topology/kernel/sysctl.hpp"

#include "topology/base/error.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace labctl::kernel {
namespace {

// Measured: below about 50 namespaces an instance the cost of a write does not grow.
constexpr int kNamespacesPerInstance = 32;

UniqueFd mount_private_proc() {
  const UniqueFd context(static_cast<int>(::syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC)));
  if (!context) {
    throw Error::from_errno(errno, "open a procfs instance");
  }
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    throw Error::from_errno(errno, "create a procfs instance");
  }
  UniqueFd root(static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
  if (!root) {
    throw Error::from_errno(errno, "mount a procfs instance");
  }
  return root;
}

}  // namespace

void SysctlWriter::namespace_changed() {
  if (++namespaces_seen_ >= kNamespacesPerInstance) {
    namespaces_seen_ = 0;
    proc_.reset();
  }
}

void SysctlWriter::write(std::string_view name, std::string_view value) {
  if (!proc_) {
    proc_ = mount_private_proc();
  }
  const std::string path = "sys/" + std::string(name);
  const UniqueFd file(::openat(proc_.get(), path.c_str(), O_WRONLY | O_CLOEXEC));
  const auto act = [&] { return "set " + std::string(name) + " to " + std::string(value); };
  if (!file) {
    throw Error::from_errno(errno, act());
  }
  // sysctl(8) hides failures of the write itself; only the errno of write(2) is true.
  if (::write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
    throw Error::from_errno(errno, act());
  }
}

}  // namespace labctl::kernel
