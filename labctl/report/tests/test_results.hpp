#pragma once

// What a test run found, as values, and as the forms machines read: JSON, JSON lines, JUnit
// XML, TAP 14, and what GitHub and GitLab show in a review. The runner fills these in;
// nothing here knows how a scenario is run.

#include "topology/base/diagnostic.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <string_view>
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
  std::string skipped;        // why it was not run; empty if it was
  int tries = 1;              // more than one: it failed and was tried again
  std::string flaky;          // passed at last; why the try before did not
  std::string evidence;       // folder with what the lab looked like when it failed; empty: none
  std::string evidence_note;  // why it is not in its place, or not to be had
  std::chrono::microseconds boot{0};
  std::chrono::microseconds elapsed{0};

  // The worst of its parts: Broken before Failed before Passed; Skipped when it was not run.
  Verdict verdict() const;
  bool is_flaky() const;  // passed, but not at once
};

struct TestRun {
  std::vector<ScenarioResult> scenarios;
  std::string shard;                  // "2/5"; empty: all of them
  std::optional<std::uint64_t> seed;  // of the order; none: as the files come
  std::string host;                   // one line: what the host held before and after
  std::vector<std::string> residue;   // what of ours was left behind
  int signal = 0;                     // that ended the run early
  int exit_code = 0;                  // report::ExitCode
  std::chrono::system_clock::time_point started;
  std::chrono::microseconds elapsed{0};

  int count(Verdict verdict) const;  // of scenarios
  int count_flaky() const;           // of those that passed, passed only when tried again
  int count_checks() const;
};

// {"scenarios":[{"name","file","labels","verdict","tries","bootMs","elapsedMs","checks":[...]}],"passed":n,...,
// "flaky":n,"exitCode":n,"started","elapsedMs":n}. What is empty is left out: of a scenario "error", "hint",
// "skipped", "lab", "flaky", "evidence", "evidenceNote"; of the run "shard", "seed", "host", "residue",
// "signal". A check has "name", "verdict", "elapsedMs", "tries", and "message", "details", "file", "line".
nlohmann::json to_json(const TestRun& run);

// JSON lines (https://jsonlines.org): {"event":"scenario",...} with the fields that one has in to_json(), one
// each and in order, then a last line {"event":"summary",...} with those of the run, and "scenarios" and
// "checks" as numbers. A file without that last line was cut off.
void write_jsonl(std::ostream& out, const TestRun& run);

// JUnit XML that is valid by Jenkins' junit-10.xsd: a testsuite a scenario, a testcase a check; classname and
// name together are unique and the same in every run. A scenario that passed when tried again has a testcase
// with Maven Surefire's <flakyFailure>. Properties of a suite: its labels, seed, shard, retries, evidence.
// Characters that XML 1.0 cannot hold are shown as "\xNN".
void write_junit(std::ostream& out, const TestRun& run);

// TAP: a test point a scenario, a subtest with its checks before it; "Bail out!" when a signal ended the run.
// `version` is what the first line says, 14 or 13, to which the rest is comments and diagnostics: prove knows
// 14 from Test::Harness 3.48 on, which Debian 12 does not have.
void write_tap(std::ostream& out, const TestRun& run, int version = 14);

// Workflow commands of GitHub Actions: an error a failure and a thing left
// behind, a warning a flaky scenario.
void write_github_annotations(std::ostream& out, const TestRun& run);

// The Code Quality report of GitLab, a JSON array: {"description","check_name","fingerprint","severity",
// "location":{"path","lines":{"begin"}}}. The fingerprint depends on the names of scenario and check alone,
// so that a merge request shows what is new. check_name: labctl-failed, -broken, -flaky, -residue.
void write_code_quality(std::ostream& out, const TestRun& run);

}  // namespace labctl::report
