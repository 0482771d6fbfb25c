#pragma once

// Scenarios to results: so many workers at once, retries, rounds, time limits, and an orderly end on Ctrl-C.

#include "labctl/report/tests/test_results.hpp"
#include "labctl/scenario/runner.hpp"

#include <functional>
#include <set>

namespace labctl::scenario {

// What the schedule tells while it runs, from one thread.
struct ScheduleHooks {
  std::function<void(const report::ScenarioResult&)> started;
  std::function<void(const report::ScenarioResult&, const report::CheckResult&)> checked;
  std::function<void(const report::ScenarioResult&)> finished;
  std::function<void(const std::string&)> note;  // talk: one line
};

struct ScheduleEnd {
  std::vector<report::ScenarioResult>
      results;                 // in the order of the scenarios; those that never began are left out
  std::set<std::string> labs;  // every name that was used, but for those kept
  int signal = 0;              // SIGINT or SIGTERM ended it
  bool is_late = false;        // the time for all was over
  bool is_refused = false;     // the host cannot run labs
};

// Blocks SIGINT and SIGTERM while it runs. Throws Error when a worker cannot be started.
ScheduleEnd run_schedule(const std::vector<Scenario>& scenarios, const TestOptions& options,
                         const ScheduleHooks& hooks);

// $XDG_STATE_HOME/labctl, or ~/.local/state/labctl; empty without either.
std::filesystem::path state_folder();

}  // namespace labctl::scenario
