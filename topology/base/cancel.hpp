#pragma once

// Ends work early, from any thread or from a signal handler. A flag to look at and
// a descriptor to wait on: eventfd(2).

#include "topology/base/unique_fd.hpp"

#include <atomic>
#include <chrono>
#include <optional>

namespace labctl {

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

// Tells another thread that there is something to do; eventfd(2). What there is to do is kept elsewhere.
class Wakeup {
 public:
  // Throws Error (Kernel) without descriptors.
  Wakeup();

  // Readable from notify() to clear(). From any thread.
  void notify() const noexcept;
  void clear() const noexcept;
  int fd() const noexcept { return event_.get(); }

 private:
  UniqueFd event_;
};

// Throws Error (Busy) once it is requested. Null: nobody does.
void throw_if_requested(const Cancel* cancel);

enum class Woken { Ready, TimedOut, Cancelled };

// Waits until `fd` is readable, the deadline has passed (none: never) or `cancel` (null: nobody) has been
// requested. A cancel counts before all else, and what is readable before the deadline.
Woken wait_readable(int fd, std::optional<std::chrono::steady_clock::time_point> deadline,
                    const Cancel* cancel) noexcept;

}  // namespace labctl
