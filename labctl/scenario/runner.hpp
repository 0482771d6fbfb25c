#pragma once

// `labctl test`: each scenario in a fresh lab of its own, its steps in order, and a report.

#include <iosfwd>
#include <map>
#include <string>
#include <vector>

namespace labctl::scenario {

struct TestOptions {
  std::vector<std::string> paths;
  std::string run;   // only scenarios whose name matches this regular expression; empty: all
  std::string skip;  // not those that match this one
  std::map<std::string, std::string> set;  // variables
  bool keep_on_fail = false;               // leaves the lab of a failed scenario up
  bool list = false;                       // prints the names, runs nothing
  bool fail_fast = false;
  bool verbose = false;
  bool color = false;
  std::string output = "table";  // table, json
  std::string junit;             // file for JUnit XML; empty: none
  std::string tap;               // file for TAP; empty: none
};

// Results go to `out`, talk to `err`. Returns the exit code (design §7). Throws Error: InvalidInput for a bad
// expression or invalid files (after printing the diagnostics), NotFound for a missing path.
int run_tests(const TestOptions& options, std::ostream& out, std::ostream& err);

}  // namespace labctl::scenario
