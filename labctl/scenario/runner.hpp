#pragma once

// `labctl test`: finds scenarios, chooses, runs each in a fresh lab and a process of
// its own, several at once, and reports.

#include "labctl/scenario/selection.hpp"

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace labctl::scenario {

struct TestOptions {
  std::vector<std::string> paths;
  Selection selection;
  bool failed = false;                               // only those that failed in the last run
  std::string shard;                                 // see shard_of()
  std::optional<std::uint64_t> seed;                 // of a random order; none: as the files come
  std::map<std::string, std::string> set;            // variables
  bool allows_remote_store = false;                  // a Cluster's store may be on another machine
  std::optional<model::HostPrograms> host_programs;  // in place of what each Cluster says

  int jobs = 0;             // at once; 0: one for each CPU
  int repeat = 1;           // rounds
  bool until_fail = false;  // rounds until one fails; with repeat above 1, at most so many
  int retries = 0;          // of a scenario that failed
  bool fail_fast = false;
  std::chrono::milliseconds timeout{0};        // of each scenario that names none; 0: five minutes
  std::chrono::milliseconds total_timeout{0};  // of the run; 0: none
  bool no_skip = false;                        // a need that is not met is a failure
  bool fail_on_flaky = false;
  bool keep_on_fail = false;  // leaves the lab of a failed scenario up
  bool list = false;          // prints the names, runs nothing

  bool verbose = false;
  bool color = false;
  int terminal_width = 0;                       // of the terminal that results go to; 0: they go elsewhere
  std::string output = "table";                 // table, json, jsonl
  std::string junit, tap, jsonl, code_quality;  // files to write; empty: none
  int tap_version = 14;
  std::string annotations = "auto";  // auto, github, none
  std::string evidence;  // folder for what failed labs looked like; empty: in the user's state folder
};

// Results go to `out`, talk to `err`. Returns a report::ExitCode, 128 and its number for a signal that ended
// the run. Throws Error: InvalidInput for a bad expression, NotFound for a missing path. The process must
// have one thread.
int run_tests(const TestOptions& options, std::ostream& out, std::ostream& err);

}  // namespace labctl::scenario
