#pragma once

// Short programs whose whole output is wanted, such as netexec's /shell and the resolver of a pod: run on the
// main loop without waiting for them.

#include "labctl/loop/event_loop.hpp"
#include "topology/kernel/process.hpp"
#include "topology/kernel/reaper.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace labctl::loop {

struct CapturedEnd {
  std::string output;  // stdout and stderr as they came, at most CapturedRuns::kMaxOutput
  // "" for exit code 0; else "exit status 2", "signal: killed", "timeout", or why it could not start.
  std::string error;
};

class CapturedRuns {
 public:
  static constexpr std::size_t kMaxOutput = 1 << 20;
  // At once; more are refused.
  static constexpr std::size_t kMaxRuns = 256;

  // `loop` and `reaper` must outlive this. The destructor kills what runs, without calling `done`.
  CapturedRuns(EventLoop& loop, kernel::Reaper& reaper);
  ~CapturedRuns();
  CapturedRuns(const CapturedRuns&) = delete;
  CapturedRuns& operator=(const CapturedRuns&) = delete;

  // `done` is called once, also from inside run() if it cannot start. After `deadline` the program is killed.
  void run(kernel::ProcessOptions options, std::chrono::milliseconds deadline,
           std::function<void(CapturedEnd)> done);

 private:
  struct Run;
  void read(std::uint64_t id);
  void finish(std::uint64_t id, kernel::ExitStatus status);

  EventLoop& loop_;
  kernel::Reaper& reaper_;
  std::map<std::uint64_t, std::unique_ptr<Run>> runs_;
  std::uint64_t next_ = 1;
};

}  // namespace labctl::loop
