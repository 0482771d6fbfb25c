#pragma once

// Network namespaces as owned values; see network_namespaces(7), setns(2) and ioctl_ns(2).
//
// The kernel keeps a namespace for as long as something refers to it: here, one open descriptor and no name.
//
// Threads: a thread is in a namespace, a process is not. A socket stays in the namespace where it was opened
// and may be used from any thread afterwards, so a NamespaceScope is held only while sockets are opened.

#include "topology/base/unique_fd.hpp"

#include <sys/types.h>

#include <filesystem>
#include <utility>

namespace labctl::kernel {

class NetworkNamespace {
 public:
  // Empty: refers to nothing.
  NetworkNamespace() = default;
  explicit NetworkNamespace(UniqueFd fd) : fd_(std::move(fd)) {}

  // The calling thread's namespace. Throws Error.
  static NetworkNamespace current();

  // Opens the namespace at `path`, such as /proc/42/ns/net.
  // Throws Error: NotFound if nothing is there, InvalidInput if it is not a network namespace.
  static NetworkNamespace open(const std::filesystem::path& path);

  // Borrowed; -1 when empty.
  int fd() const noexcept { return fd_.get(); }
  explicit operator bool() const noexcept { return static_cast<bool>(fd_); }

  // The number that tells namespaces of one host apart, as in `net:[4026531840]`.
  ino_t inode() const;

 private:
  UniqueFd fd_;
};

// Takes the calling thread elsewhere and, on destruction, back home. If the way back fails the process ends:
// a thread in the wrong namespace would change the wrong network.
class NamespaceScope {
 public:
  // Remembers where the thread is and stays there.
  NamespaceScope();
  // Enters `namespace_fd`. Throws Error: Permission without CAP_SYS_ADMIN over the namespace.
  explicit NamespaceScope(int namespace_fd);
  NamespaceScope(const NamespaceScope&) = delete;
  NamespaceScope& operator=(const NamespaceScope&) = delete;
  ~NamespaceScope();

  void enter(int namespace_fd);
  // Makes a namespace that holds only a loopback link, down, and enters it.
  // Throws Error: Permission, Unsupported, or Kernel with ENOSPC when
  // user.max_net_namespaces is reached (the hint says so).
  void enter_new();

 private:
  NetworkNamespace home_;
};

}  // namespace labctl::kernel
