#pragma once

// The supervisor's main loop as its control loops see it: timers and readable descriptors. All calls and all
// callbacks are on the thread of the loop.

#include <chrono>
#include <cstdint>
#include <functional>

namespace labctl::loop {

class EventLoop {
 public:
  using Id = std::uint64_t;  // 0 is never given out
  virtual ~EventLoop() = default;

  // Calls `work` once, not before `delay` has passed.
  virtual Id call_after(std::chrono::milliseconds delay, std::function<void()> work) = 0;
  // Calls `work` whenever `fd` is readable or its other end is closed, until cancelled. The descriptor stays
  // the caller's, and stays open until cancelled.
  virtual Id call_when_readable(int fd, std::function<void()> work) = 0;
  // No callback comes after this. Unknown and finished ids are fine.
  virtual void cancel(Id id) = 0;

  // Does one of several pieces of work now. What it throws is told as what any callback throws, and goes no
  // further: the others have their turn. Whether it came to its end.
  virtual bool carry_out(const std::function<void()>& work) = 0;
};

}  // namespace labctl::loop
