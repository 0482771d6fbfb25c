#pragma once

// Reaps every child of this process, as pid 1 of a pid namespace must; waitid(2), signalfd(2).
//
// Order: create() before any thread is started (it blocks SIGCHLD, and threads inherit the mask); then wait
// until fd() is readable, and call reap(). Nobody else may wait for children: they would be gone.
//
// Threads: all calls on the thread that spawns.

#include "topology/base/unique_fd.hpp"
#include "topology/kernel/process.hpp"

#include <sys/types.h>

#include <functional>
#include <unordered_map>

namespace labctl::kernel {

class Reaper {
 public:
  using Callback = std::function<void(ExitStatus)>;

  // Throws Error: Kernel if there is no descriptor left.
  static Reaper create();

  // Readable when a child may have ended.
  int fd() const noexcept { return signals_.get(); }

  // `callback` runs once, from reap(), when `pid` has ended. Replaces an earlier one.
  void watch(pid_t pid, Callback callback);
  // The end of `pid` is discarded as that of any orphan.
  void forget(pid_t pid);

  // Reaps all that has ended and calls back; orphans are discarded. Callbacks may spawn, watch and forget.
  // Returns how many were reaped. What a callback throws is thrown when all have been reaped (of several, the
  // first): nobody would come back for the rest.
  std::size_t reap();

 private:
  explicit Reaper(UniqueFd signals) : signals_(std::move(signals)) {}
  UniqueFd signals_;
  std::unordered_map<pid_t, Callback> callbacks_;
};

}  // namespace labctl::kernel
