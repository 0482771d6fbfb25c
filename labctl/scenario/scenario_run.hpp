#pragma once

// One scenario in this process: its lab booted, its steps taken in order, evidence
// kept of a failure, the lab taken down.

#include "labctl/report/tests/test_results.hpp"
#include "labctl/scenario/discovery.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

namespace labctl::scenario {

struct RunOptions {
  std::string lab;                         // its name, unique on this host
  std::map<std::string, std::string> set;  // variables that count more than the file's
  std::chrono::milliseconds timeout{0};    // for all of the scenario
  bool keep_on_fail = false;
  std::filesystem::path evidence;  // where evidence goes when it fails; empty: nowhere
  std::string evidence_name;       // of the folder in there
};

struct Outcome {
  report::ScenarioResult result;
  bool is_refused = false;  // the host cannot run labs at all
};

using OnCheck = std::function<void(const report::CheckResult&)>;

// SIGINT or SIGTERM end it: the step at hand is cut off and not reported, the lab taken down. For a process
// that does nothing else: it sets signal handlers and a timer, and must have one thread.
Outcome run_scenario(const Scenario& scenario, const RunOptions& options, const OnCheck& on_check);

}  // namespace labctl::scenario
