#pragma once

// A process named so that the name can be written down: its number, and when it started (proc(5), stat, field
// 22), since numbers are given out again. Signals go through a descriptor of the process, pidfd_open(2),
// opened before the mark is compared: what compares equal is the process itself.

#include "topology/base/unique_fd.hpp"

#include <sys/types.h>

namespace labctl::supervisor {

struct ProcessMark {
  pid_t pid = 0;
  unsigned long long started = 0;  // clock ticks since the machine's start

  explicit operator bool() const { return pid > 0; }
  bool operator==(const ProcessMark&) const = default;
};

// Of a process that lives; empty when it does not.
ProcessMark mark_of(pid_t pid);

// A descriptor of the process, readable when it has ended; empty when it has already.
UniqueFd open_process(const ProcessMark& mark);

// Nothing happens when the process has ended, or `process` is empty.
void send_signal(const UniqueFd& process, int number) noexcept;

}  // namespace labctl::supervisor
