#pragma once

// The supervisor's main loop: timers, readable descriptors, and work handed over from other threads. All of
// the lab's state is touched on its thread only.

#include "labctl/controllers/event_loop.hpp"

#include <chrono>
#include <functional>
#include <memory>

namespace labctl::supervisor {

class MainLoop final : public controllers::EventLoop {
 public:
  MainLoop();
  ~MainLoop() override;
  MainLoop(const MainLoop&) = delete;
  MainLoop& operator=(const MainLoop&) = delete;

  Id call_after(std::chrono::milliseconds delay, std::function<void()> work) override;
  Id call_when_readable(int fd, std::function<void()> work) override;
  void cancel(Id id) override;

  // Runs until stop(). What work throws comes out here.
  void run();
  // Runs until `is_done`, looked at after each piece of work, or `deadline`; whether it is done. Before
  // run().
  bool run_until(const std::function<bool()>& is_done, std::chrono::steady_clock::time_point deadline);
  // From any thread: run() returns after the work at hand.
  void stop();

  // From any thread: runs `work` on the loop's thread, soon.
  void post(std::function<void()> work);
  // From any other thread: runs `work` on the loop's thread and waits for it; what it throws is thrown here.
  // Throws Error Busy once the loop has ended.
  void run_here(const std::function<void()>& work);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace labctl::supervisor
