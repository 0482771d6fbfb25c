#pragma once

// Lines for people while a test run goes on, and what they want to know at its end.
//
// Follow, for one scenario at a time, prints each check as it ends:
//
//   === p5-endpoints-go  scenarios/p5-endpoints-go/scenario.yaml
//     ok    every backend answers in turn  (41ms)
//     FAIL  nobody notices  (3s)
//           probe pod/default/client -> svc/default/web:80: wanted ok, seen timeout
//           scenarios/p5-endpoints-go/scenario.yaml:21
//   --- FAIL  p5-endpoints-go  (booted in 213ms, 5.2s)
//
// Live, for many at once on a terminal, prints a line a finished scenario, the checks that failed below it,
// and keeps one line at the bottom that says where the run is:
//
//   ok    quickstart  (booted in 114ms, 162ms)
//   12/40  3 running: dns, ingress, pods[IPv6,vxlan]  1 failed
//
// Dated, for many at once in a log, is Live with the time before each scenario, and without that last line:
//
//   2026-01-02T03:04:05Z ok    quickstart  (booted in 114ms, 162ms)

#include "labctl/report/tests/test_results.hpp"
#include "labctl/report/text/palette.hpp"

#include <chrono>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace labctl::report {

enum class ProgressStyle { Live, Dated, Follow };

struct ProgressOptions {
  ProgressStyle style = ProgressStyle::Follow;
  bool verbose = false;  // shows what checks saw that passed
  size_t width = 80;     // of the terminal; Live keeps its last line within it
  // What Dated asks for the time.
  std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
};

// Threads: one. The scenarios that it is told of may run at the same time, unless the style is Follow.
class TestProgress {
 public:
  // `out` outlives the object.
  TestProgress(std::ostream& out, Palette palette, ProgressOptions options);
  // Takes the line of Live away, should run_finished() not have been reached.
  ~TestProgress();
  TestProgress(const TestProgress&) = delete;
  TestProgress& operator=(const TestProgress&) = delete;

  // How many will run: the 40 of "12/40". Without it, Live shows what is done alone.
  void run_started(size_t scenarios);
  // May be told again of one that is tried again.
  void scenario_started(const ScenarioResult& scenario);
  void check_finished(const ScenarioResult& scenario, const CheckResult& check);
  void scenario_finished(const ScenarioResult& scenario);
  // What failed and why, what was flaky, what is left behind, how to repeat it, and last "3 scenarios: 2
  // passed (1 flaky), 1 failed; 14 checks; 5.3s". With a single scenario, failures are not told again.
  void run_finished(const TestRun& run);

 private:
  void print_scenario(const ScenarioResult& scenario);
  void print_check(const CheckResult& check);
  void print_aftermath(const ScenarioResult& scenario);
  void draw_status();
  void erase_status();

  std::ostream& out_;
  Palette palette_;
  ProgressOptions options_;
  bool has_status_ = false;  // the line of Live is on the terminal
  size_t total_ = 0;
  size_t finished_ = 0;
  size_t failed_ = 0;
  size_t broken_ = 0;
  std::vector<std::string> running_;
};

// The line of Live, without colours, at most `width` characters: names are
// left out or cut before numbers are.
struct ProgressStatus {
  size_t finished = 0;
  size_t total = 0;  // 0: not known
  size_t failed = 0;
  size_t broken = 0;
  std::vector<std::string> running;
};
std::string status_line(const ProgressStatus& status, size_t width);

}  // namespace labctl::report
