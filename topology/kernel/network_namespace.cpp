#include "topology/kernel/network_namespace.hpp"

#include "topology/base/error.hpp"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

namespace labctl::kernel {
namespace {

UniqueFd open_namespace(const char* path) {
  UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) {
    throw Error::from_errno(errno, std::string("open ") + path);
  }
  return fd;
}

}  // namespace

NetworkNamespace NetworkNamespace::current() {
  return NetworkNamespace(open_namespace("/proc/thread-self/ns/net"));
}

NetworkNamespace NetworkNamespace::open(const std::filesystem::path& path) {
  UniqueFd fd = open_namespace(path.c_str());
  if (::ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET) {
    throw Error(ErrorKind::InvalidInput, path.string() + ": not a network namespace");
  }
  return NetworkNamespace(std::move(fd));
}

ino_t NetworkNamespace::inode() const {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) {
    throw Error::from_errno(errno, "stat network namespace");
  }
  return status.st_ino;
}

NamespaceScope::NamespaceScope() : home_(NetworkNamespace::current()) {}

NamespaceScope::NamespaceScope(int namespace_fd) : NamespaceScope() { enter(namespace_fd); }

NamespaceScope::~NamespaceScope() {
  if (::setns(home_.fd(), CLONE_NEWNET) != 0) {
    std::abort();
  }
}

void NamespaceScope::enter(int namespace_fd) {
  if (::setns(namespace_fd, CLONE_NEWNET) != 0) {
    throw Error::from_errno(errno, "enter network namespace");
  }
}

void NamespaceScope::enter_new() {
  if (::unshare(CLONE_NEWNET) == 0) {
    return;
  }
  const int cause = errno;
  throw Error::from_errno(
      cause, "create network namespace",
      cause == ENOSPC ? "raise the limit: sudo sysctl -w user.max_net_namespaces=100000" : "");
}

}  // namespace labctl::kernel
