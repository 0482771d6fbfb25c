#pragma once

// The supervisor's main loop: timers, readable descriptors, and work handed over from other threads. All of
// the lab's state is touched on its thread only.
//
// The loop outlives whatever is done on it. Every piece of work passes one door: what it throws, of whatever
// type, is told (on_failure, else the log) and the loop goes on with the next. A reader that keeps throwing
// is asked less and less often.

#include "labctl/loop/event_loop.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace labctl::loop {

struct MainLoopOptions {
  // Stands around each piece of work and is to call it. What it throws itself counts as thrown by the work:
  // so a test has pieces fail that never do.
  enum class Piece { Posted, Timer, Reader, Part };
  std::function<void(Piece, const std::function<void()>& work)> around;
};

class MainLoop final : public EventLoop {
 public:
  explicit MainLoop(MainLoopOptions options = {});
  ~MainLoop() override;
  MainLoop(const MainLoop&) = delete;
  MainLoop& operator=(const MainLoop&) = delete;

  Id call_after(std::chrono::milliseconds delay, std::function<void()> work) override;
  Id call_when_readable(int fd, std::function<void()> work) override;
  void cancel(Id id) override;
  bool carry_out(const std::function<void()>& work) override;

  // Called with what a piece of work said when it threw; never empty. Until the loop ends, or replaced by {}.
  void set_on_failure(std::function<void(const std::string& words)> on_failure);

  // Runs until stop().
  void run();
  // Runs until `is_done`, looked at after each piece of work, or `deadline`;
  // whether it is done. Before run().
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

}  // namespace labctl::loop
