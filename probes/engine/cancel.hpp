#pragma once

// Ends a run early, from any thread or from a signal handler. A flag to look at and a descriptor to wait on:
// eventfd(2).

#include "topology/base/unique_fd.hpp"

#include <atomic>

namespace labctl::engine {

class Cancel {
 public:
  // Throws Error (Kernel) without descriptors.
  Cancel();
  Cancel(const Cancel&) = delete;
  Cancel& operator=(const Cancel&) = delete;

  void request() noexcept;
  bool requested() const noexcept { return requested_.load(std::memory_order_acquire); }
  // Readable, for ever, once cancelled. Borrowed.
  int fd() const noexcept { return event_.get(); }

 private:
  std::atomic<bool> requested_ = false;
  UniqueFd event_;
};

}  // namespace labctl::engine
