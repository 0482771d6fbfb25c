#pragma once

// Per-namespace settings below /proc/sys/net, written through private procfs
// instances; see proc(5), fsopen(2).
//
// The names below /proc/sys/net are shared by all network namespaces, so the kernel's look-up in one procfs
// instance grows with every namespace that was ever looked up through it: at 5,000 namespaces a write costs
// ten times what it costs at 30. A fresh instance every few namespaces keeps it flat.

#include "topology/base/unique_fd.hpp"

#include <string_view>

namespace labctl::kernel {

class SysctlWriter {
 public:
  // Writes `value` to /proc/sys/`name` of the calling thread's network namespace; `name` as in
  // "net/ipv4/ip_forward". Throws Error: NotFound (this kernel has no such setting), Permission, Unsupported
  // where no private procfs can be mounted (masked /proc).
  void write(std::string_view name, std::string_view value);

  // Tells that the thread moved to another namespace, so that the instance is renewed in time.
  void namespace_changed();

 private:
  UniqueFd proc_;
  int namespaces_seen_ = 0;
};

}  // namespace labctl::kernel
