#pragma once

// Time as an interface, so that back-off and deadlines can be tested without waiting.

#include <chrono>

namespace labctl {

class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic, for deadlines and intervals.
  virtual std::chrono::steady_clock::time_point now() const = 0;
  // Wall time, for timestamps in objects and reports.
  virtual std::chrono::system_clock::time_point wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override { return std::chrono::steady_clock::now(); }
  std::chrono::system_clock::time_point wall() const override { return std::chrono::system_clock::now(); }
};

}  // namespace labctl
