#include "labctl/report/tests/test_progress.hpp"

#include "labctl/report/text/table.hpp"
#include "tests/unit/labctl/report/sample_run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace labctl::report {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr const char* kErase = "\r\x1b[K";

ProgressOptions styled(ProgressStyle style) {
  return {.style = style, .now = [] { return std::chrono::system_clock::time_point(1767323045s); }};
}

void tell(TestProgress& progress, const ScenarioResult& scenario) {
  progress.scenario_started(scenario);
  for (const CheckResult& check : scenario.checks) {
    progress.check_finished(scenario, check);
  }
  progress.scenario_finished(scenario);
}

std::string told(ProgressOptions options, const TestRun& run) {
  std::ostringstream out;
  TestProgress progress(out, Palette(), std::move(options));
  progress.run_started(run.scenarios.size());
  for (const ScenarioResult& scenario : run.scenarios) {
    tell(progress, scenario);
  }
  return out.str();
}

// What a terminal shows in the end: "\r" ESC "[K" takes away what stands on the line.
std::string on_screen(const std::string& text) {
  std::string shown;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 4, kErase) == 0) {
      shown.erase(shown.rfind('\n') == std::string::npos ? 0 : shown.rfind('\n') + 1);
      i += 3;
    } else {
      shown += text[i];
    }
  }
  return shown;
}

TEST(Follow, PrintsEachCheckAsItEnds) {
  std::ostringstream out;
  TestProgress progress(out, Palette(), styled(ProgressStyle::Follow));
  const ScenarioResult scenario = sample_run().scenarios[0];
  progress.run_started(1);
  progress.scenario_started(scenario);
  progress.check_finished(scenario, scenario.checks[0]);
  EXPECT_EQ(out.str(),
            "=== endpoints-move  s.yaml\n"
            "  ok    every backend answers  (41ms)\n");
  progress.check_finished(scenario, scenario.checks[1]);
  progress.scenario_finished(scenario);
  EXPECT_EQ(out.str(),
            "=== endpoints-move  s.yaml\n"
            "  ok    every backend answers  (41ms)\n"
            "  FAIL  nobody <notices>  (3.0s, 4 tries)\n"
            "        wanted ok, seen timeout\n"
            "        | hop 3\n"
            "        | hop \\x01 4\n"
            "        s.yaml:21\n"
            "--- FAIL  endpoints-move  (booted in 213ms, 5.2s)\n");
}

TEST(Follow, SaysWhyThereAreNoChecks) {
  const TestRun run = sample_run();
  EXPECT_THAT(told(styled(ProgressStyle::Follow), run), HasSubstr("=== no-lab  t.yaml\n"
                                                                  "  boot: timed out\n"
                                                                  "    hint: more time\n"
                                                                  "--- ERROR no-lab  (0us)\n"
                                                                  "=== later  \n"
                                                                  "  needs VXLAN\n"
                                                                  "--- skip  later  (0us)\n"));
}

TEST(Dated, IsALineAScenarioAndWhatFailedBelowIt) {
  EXPECT_EQ(told(styled(ProgressStyle::Dated), sample_run()),
            "2026-01-02T03:04:05Z FAIL  endpoints-move  (booted in 213ms, 5.2s)\n"
            "  FAIL  nobody <notices>  (3.0s, 4 tries)\n"
            "        wanted ok, seen timeout\n"
            "        | hop 3\n"
            "        | hop \\x01 4\n"
            "        s.yaml:21\n"
            "2026-01-02T03:04:05Z ERROR no-lab  (0us)\n"
            "    boot: timed out\n"
            "    hint: more time\n"
            "2026-01-02T03:04:05Z skip  later  (0us)\n"
            "    needs VXLAN\n");
}

TEST(Dated, SaysOfAFlakyScenarioWhyAndWhereToLook) {
  TestRun run = passing_run();
  run.scenarios[1].lab = "shaky-1";
  EXPECT_THAT(told(styled(ProgressStyle::Dated), run),
              HasSubstr("Z flaky shaky  (10ms)\n"
                        "    passed on try 3; before: answers: wanted ok, seen timeout\n"
                        "    evidence: evidence/shaky\n"
                        "    kept: `labctl -n shaky-1 exec node/NAME -- sh` enters it, `labctl down shaky-1` "
                        "takes it down\n"));
}

TEST(Dated, ShowsAllChecksWhenVerbose) {
  ProgressOptions options = styled(ProgressStyle::Dated);
  options.verbose = true;
  EXPECT_THAT(told(options, sample_run()), HasSubstr("  ok    every backend answers  (41ms)\n"));
}

TEST(Live, KeepsWhereTheRunIsOnTheLastLine) {
  std::ostringstream out;
  TestProgress progress(out, Palette(), styled(ProgressStyle::Live));
  const TestRun run = sample_run();
  progress.run_started(40);
  EXPECT_EQ(on_screen(out.str()), "0/40");
  progress.scenario_started(run.scenarios[0]);
  progress.scenario_started(run.scenarios[1]);
  progress.scenario_started(run.scenarios[1]);  // tried again: still one
  EXPECT_EQ(on_screen(out.str()), "0/40  2 running: endpoints-move, no-lab");
  progress.check_finished(run.scenarios[0], run.scenarios[0].checks[1]);
  progress.scenario_finished(run.scenarios[0]);
  progress.scenario_finished(run.scenarios[1]);
  EXPECT_THAT(on_screen(out.str()),
              testing::EndsWith("    boot: timed out\n    hint: more time\n2/40  1 failed, 1 broken"));
  EXPECT_THAT(on_screen(out.str()), testing::StartsWith("FAIL  endpoints-move  (booted in 213ms, 5.2s)\n"
                                                        "  FAIL  nobody <notices>  (3.0s, 4 tries)\n"));
  progress.run_finished(run);
  EXPECT_THAT(on_screen(out.str()), HasSubstr("    hint: more time\n\nFailed:\n"));
}

TEST(Live, TakesItsLineAwayWhenTheRunIsCutShort) {
  std::ostringstream out;
  {
    TestProgress progress(out, Palette(), styled(ProgressStyle::Live));
    progress.run_started(2);
  }
  EXPECT_EQ(on_screen(out.str()), "");
}

TEST(Live, StaysWithinTheTerminal) {
  std::ostringstream out;
  ProgressOptions options = styled(ProgressStyle::Live);
  options.width = 20;
  TestProgress progress(out, Palette(), options);
  progress.run_started(40);
  progress.scenario_started(hostile_run().scenarios[0]);
  EXPECT_LT(display_width(on_screen(out.str())), options.width);
}

TEST(StatusLine, CutsNamesBeforeNumbers) {
  const ProgressStatus status{
      .finished = 12, .total = 40, .failed = 1, .broken = 0, .running = {"alpha", "beta", "gamma"}};
  EXPECT_EQ(status_line(status, 80), "12/40  3 running: alpha, beta, gamma  1 failed");
  EXPECT_EQ(status_line(status, 46), "12/40  3 running: alpha, beta, gamma  1 failed");
  EXPECT_EQ(status_line(status, 45), "12/40  3 running: alpha, beta, +1  1 failed");
  EXPECT_EQ(status_line(status, 42), "12/40  3 running: alpha, +2  1 failed");
  EXPECT_EQ(status_line(status, 36), "12/40  3 running: a..., +2  1 failed");
  EXPECT_EQ(status_line(status, 30), "12/40  3 running  1 failed");
  EXPECT_EQ(status_line(status, 10), "12/40  ...");
}

TEST(StatusLine, IsWithinEveryWidth) {
  const ProgressStatus status{.finished = 1,
                              .total = 9,
                              .failed = 100,
                              .broken = 7,
                              .running = {"gr\u00fcne-Wiese[IPv6,vxlan]", "b", "\x1b[2J\n", "\xff\xff"}};
  for (size_t width = 0; width < 120; ++width) {
    const std::string line = status_line(status, width);
    EXPECT_LE(display_width(line), width);
    EXPECT_THAT(line, Not(testing::AnyOf(HasSubstr("\x1b"), HasSubstr("\n"))));
  }
}

}  // namespace
}  // namespace labctl::report
