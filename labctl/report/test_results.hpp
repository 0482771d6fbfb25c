#pragma once

// What a test run found, as values, and as the forms people and machines read: lines while it runs and a
// summary, JSON, JUnit XML and TAP 13. The runner fills these in; nothing here knows how a scenario is run.

#include "labctl/report/palette.hpp"
#include "topology/base/diagnostic.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <iosfwd>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace labctl::report {

// Broken: the step itself could not be done (no such pod, the lab gone), so nothing was learnt.
enum class Verdict { Passed, Failed, Broken, Skipped };
// "passed", "failed", "broken", "skipped".
std::string_view to_string(Verdict verdict);

// One step, or one assertion of a step.
struct CheckResult {
  std::string name;
  Verdict verdict = Verdict::Passed;
  std::string message;      // why it is not Passed, one line
  std::string details;      // evidence, any number of lines
  std::string explanation;  // one sentence of the scenario's author on what this shows
  SourcePosition where;
  std::chrono::microseconds elapsed{0};
  int tries = 1;
};

struct ScenarioResult {
  // Unique in a run and the same in every run: what it was expanded to is part of it, as in
  // "pods[IPv6,vxlan]"; of a repeated scenario also the round, as in "pods[IPv6,vxlan]#2".
  std::string name;
  std::string file;
  std::map<std::string, std::string> labels;
  std::string lab;  // the name it ran under; set when it was kept for looking into
  std::vector<CheckResult> checks;
  std::string error;  // the lab could not be built or torn down: why; the scenario is then Broken
  std::string hint;
  std::string skipped;   // why it was not run; empty if it was
  int tries = 1;         // more than one: it failed and was tried again
  std::string flaky;     // passed at last; why the try before did not
  std::string evidence;  // folder with what the lab looked like when it failed; empty: none
  std::chrono::microseconds boot{0};
  std::chrono::microseconds elapsed{0};

  // The worst of its parts: Broken before Failed before Passed; Skipped when it was not run.
  Verdict verdict() const;
};

struct TestRun {
  std::vector<ScenarioResult> scenarios;
  std::string shard;                  // "2/5"; empty: all of them
  std::optional<std::uint64_t> seed;  // of the order; none: as the files come
  std::string host;                   // one line: what the host held before and after
  std::vector<std::string> residue;   // what of ours was left behind
  int signal = 0;                     // that ended the run early
  int exit_code = 0;                  // design §7
  std::chrono::system_clock::time_point started;
  std::chrono::microseconds elapsed{0};

  int count(Verdict verdict) const;  // of scenarios
};

// Lines for people while a run goes on:
//
//   === endpoints-move  scenarios/endpoints-move/scenario.yaml
//     ok    every backend answers in turn  (41ms)
//     FAIL  nobody notices  (3s)
//           probe pod/default/client -> svc/default/web:80: wanted ok, seen timeout
//           scenarios/endpoints-move/scenario.yaml:21
//   --- FAIL  endpoints-move  (booted in 213ms, 5.2s)
//
// Threads: may be called from many; the lines of one scenario are printed together when it ends, unless
// `follow` is set, which prints each as it comes and is for one scenario at a time.
class TestProgress {
 public:
  TestProgress(std::ostream& out, Palette palette, bool follow, bool verbose);

  void scenario_started(const ScenarioResult& scenario);
  void check_finished(const ScenarioResult& scenario, const CheckResult& check);
  void scenario_finished(const ScenarioResult& scenario);
  // "3 scenarios: 2 passed, 1 failed; 14 checks; 5.3s", and the failures again, so that they are last on the
  // screen.
  void run_finished(const TestRun& run);

 private:
  void print_heading(const ScenarioResult& scenario);
  void print_check(const CheckResult& check);

  std::ostream& out_;
  Palette palette_;
  bool follow_;
  bool verbose_;
  std::mutex mutex_;
};

// {"scenarios":[{"name","file","verdict","checks":[...]}],"passed":n,...,"elapsedMs":n}
nlohmann::json to_json(const TestRun& run);

// The JUnit XML that Jenkins, GitLab and GitHub read: a testsuite a scenario, a testcase a check. Characters
// that XML 1.0 cannot hold are shown as "\xNN".
void write_junit(std::ostream& out, const TestRun& run);

// TAP version 13, a test point a check.
void write_tap(std::ostream& out, const TestRun& run);

// One annotation a failure in the workflow-command form of GitHub Actions.
void write_github_annotations(std::ostream& out, const TestRun& run);

}  // namespace labctl::report
