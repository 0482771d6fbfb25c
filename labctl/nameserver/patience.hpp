#pragma once

// How long to wait for an answer, counted in time in which it could have come.
//
// A clock alone counts what must not count: while the main loop was busy or the whole process was stopped (a
// suspended machine, a starved one), nobody asked and nobody listened. So what lies between two looks counts
// only up to kBetweenLooks. Pure.

#include <chrono>

namespace labctl::nameserver {

class Patience {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds kBetweenLooks{100};

  Patience(std::chrono::milliseconds whole, Time now) : left_(whole), looked_at_(now) {}

  // To be called at least every kBetweenLooks by who can.
  bool is_over(Time now);

 private:
  std::chrono::nanoseconds left_;
  Time looked_at_;
};

}  // namespace labctl::nameserver
