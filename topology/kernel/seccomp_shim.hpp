#pragma once

// Lets programs that change their user start where only one id is mapped; seccomp(2), Classic BPF.
//
// nginx, dnsmasq, unbound and named call setgroups, setuid and chown, and give up when the kernel says
// EINVAL. Under this filter those calls, and capset, "succeed" and change nothing. It is a convenience, not a
// protection: foreign architectures (a 32-bit program) pass unfiltered.

#include <linux/filter.h>

#include <vector>

namespace labctl::kernel {

// The filter for this machine; empty where the architecture is not known (x86_64 and aarch64 are).
std::vector<sock_filter> shim_filter();

// Installs a filter on the calling thread and what it executes. Sets no_new_privs only if the kernel asks for
// it (no CAP_SYS_ADMIN in the user namespace). Async-signal-safe. Returns 0 or an errno.
int install_filter(const std::vector<sock_filter>& filter) noexcept;

}  // namespace labctl::kernel
