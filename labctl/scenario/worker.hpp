#pragma once

// A process that runs one scenario: several at once do not meet, one that crashes takes no
// other with it, and one that is killed leaves nothing, since its lab goes with it. It tells
// its results over a pipe, a line of JSON each.

#include "labctl/scenario/scenario_run.hpp"
#include "topology/base/unique_fd.hpp"

#include <sys/types.h>

#include <string>

namespace labctl::scenario {

class Worker {
 public:
  // Forks; the calling process must have one thread. The worker dies with it.
  static Worker start(const Scenario& scenario, const RunOptions& options);

  Worker(Worker&&) noexcept = default;
  Worker& operator=(Worker&&) noexcept = default;

  // Readable when there is something to take in.
  int fd() const { return pipe_.get(); }
  // Takes in what has come. False when the worker has ended.
  bool take_in(const OnCheck& on_check);
  // After the end: what it found; Broken when it died without a word, for this reason if it is known.
  Outcome finish(const std::string& why_killed);

  void signal(int number) const;

 private:
  Worker(pid_t pid, UniqueFd pipe, report::ScenarioResult heading)
      : pid_(pid), pipe_(std::move(pipe)), heading_(std::move(heading)) {}
  void take_line(std::string_view line, const OnCheck& on_check);

  pid_t pid_ = -1;
  UniqueFd pipe_;
  report::ScenarioResult heading_;  // what is known without it
  std::string unread_;
  bool has_outcome_ = false;
  Outcome outcome_;
};

}  // namespace labctl::scenario
