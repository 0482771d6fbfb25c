#pragma once

// A main loop on poll(2) for tests: runs until a condition holds or a deadline passes.

#include "labctl/loop/event_loop.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <utility>

namespace labctl::kubelet::testing {

class PollLoop final : public loop::EventLoop {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Id call_after(std::chrono::milliseconds delay, std::function<void()> work) override;
  Id call_when_readable(int fd, std::function<void()> work) override;
  void cancel(Id id) override;
  bool carry_out(const std::function<void()>& work) override {
    work();  // a test hears of what goes wrong
    return true;
  }

  // False at the deadline.
  bool run_until(const std::function<bool()>& is_done,
                 std::chrono::milliseconds deadline = std::chrono::seconds(60));

 private:
  void turn(Time until);
  Id next_ = 1;
  std::map<Id, std::pair<Time, std::function<void()>>> timers_;
  std::map<Id, std::pair<int, std::function<void()>>> watches_;
};

}  // namespace labctl::kubelet::testing
