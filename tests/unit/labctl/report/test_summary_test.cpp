#include "labctl/report/tests/test_summary.hpp"

#include "tests/unit/labctl/report/sample_run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <sstream>

namespace labctl::report {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string summary_of(const TestRun& run) {
  std::ostringstream out;
  write_summary(out, Palette(), run);
  return out.str();
}

TEST(TestSummary, EndsWithTheFailuresAndTheCounts) {
  TestRun run = sample_run();
  run.scenarios[0].evidence = "evidence/endpoints-move";
  EXPECT_EQ(summary_of(run),
            "\nFailed:\n"
            "  endpoints-move: nobody <notices>: wanted ok, seen timeout\n"
            "      evidence: evidence/endpoints-move\n"
            "  no-lab: boot: timed out\n"
            "\n3 scenarios: 1 failed, 1 broken, 1 skipped; 2 checks; 6.0s\n");
}

TEST(TestSummary, DoesNotRepeatASingleScenario) {
  TestRun run = sample_run();
  run.scenarios.resize(1);
  EXPECT_EQ(summary_of(run), "\n1 scenario: 1 failed; 2 checks; 6.0s\n");
}

TEST(TestSummary, SaysWhatWasFlakyLeftBehindAndHowToRepeatIt) {
  TestRun run = passing_run();
  run.residue = {"link lc0"};
  run.signal = SIGINT;
  run.host = "host: 3 links before, 4 after";
  EXPECT_EQ(summary_of(run),
            "\nFlaky:\n"
            "  shaky: passed on try 3; before: answers: wanted ok, seen timeout\n"
            "      evidence: evidence/shaky\n"
            "\nLeft behind:\n"
            "  link lc0\n"
            "\n"
            "ended early by signal 2 (Interrupt)\n"
            "seed 42 repeats this order\n"
            "shard 2/5\n"
            "host: 3 links before, 4 after\n"
            "2 scenarios: 2 passed (1 flaky); 4 checks; 20ms\n");
}

TEST(TestSummary, FitsTheScreenHoweverManyFailed) {
  TestRun run;
  run.scenarios.assign(100, sample_run().scenarios[0]);
  const std::string text = summary_of(run);
  EXPECT_THAT(text, HasSubstr("\n  ... and 80 more; all in --junit/--jsonl\n"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2 + 20 + 1 + 2);
}

TEST(TestSummary, IsNotBrokenByHostileText) {
  const std::string text = summary_of(hostile_run());
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\nnot ok")));
}

}  // namespace
}  // namespace labctl::report
