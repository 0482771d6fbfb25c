#include "labctl/report/tests/test_results.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/labctl/report/sample_run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <sstream>

namespace labctl::report {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string tap_of(const TestRun& run) {
  std::ostringstream out;
  write_tap(out, run);
  return out.str();
}

support::ProgramResult prove(const std::string& document) {
  const support::TempDir folder;
  const std::string file = folder.write("run.tap", document);
  support::Program program;
  // No ~/.proverc, no colours: what it says is the same everywhere.
  program.command = {"prove", "--norc", "--nocolor", "--exec", "cat", file};
  return run_program(program);
}

// prove before Test::Harness 3.48 refuses the number 14 and nothing else: it is given the same text as 13.
support::ProgramResult prove_run(const TestRun& run) {
  static const bool knows_14 = prove("TAP version 14\n1..1\nok 1\n").exit_code == 0;
  std::ostringstream document;
  write_tap(document, run, knows_14 ? 14 : 13);
  return prove(document.str());
}

class Prove : public testing::Test {
 protected:
  void SetUp() override {
    if (support::find_program("prove").empty()) {
      GTEST_SKIP() << "prove is missing: apt-get install perl";
    }
  }
};

TEST(Tap, IsASubtestAScenario) {
  EXPECT_EQ(tap_of(sample_run()),
            "TAP version 14\n"
            "1..3\n"
            "# Subtest: endpoints-move\n"
            "    1..2\n"
            "    ok 1 - every backend answers\n"
            "    not ok 2 - nobody <notices>\n"
            "      ---\n"
            "      message: \"wanted ok, seen timeout\"\n"
            "      severity: \"fail\"\n"
            "      details: \"hop 3\\nhop \\\\x01 4\"\n"
            "      at:\n"
            "        file: \"s.yaml\"\n"
            "        line: 21\n"
            "        column: 3\n"
            "      ...\n"
            "not ok 1 - endpoints-move\n"
            "  ---\n"
            "  severity: \"fail\"\n"
            "  file: \"s.yaml\"\n"
            "  duration_ms: 5200\n"
            "  ...\n"
            "# Subtest: no-lab\n"
            "    1..1\n"
            "    not ok 1 - scenario\n"
            "      ---\n"
            "      message: \"boot: timed out\"\n"
            "      severity: \"error\"\n"
            "      details: \"hint: more time\"\n"
            "      ...\n"
            "not ok 2 - no-lab\n"
            "  ---\n"
            "  severity: \"error\"\n"
            "  message: \"boot: timed out\"\n"
            "  hint: \"more time\"\n"
            "  file: \"t.yaml\"\n"
            "  duration_ms: 0\n"
            "  ...\n"
            "# Subtest: later\n"
            "    1..1\n"
            "    ok 1 - scenario # SKIP needs VXLAN\n"
            "ok 3 - later # SKIP needs VXLAN\n");
}

TEST(Tap, EscapesWhatWouldBeginADirective) {
  TestRun run = passing_run();
  run.scenarios[0].name = "a # SKIP \\ b";
  EXPECT_THAT(tap_of(run), HasSubstr("\nok 1 - a \\# SKIP \\\\ b\n"));
}

TEST(Tap, SaysWhatRepeatsTheRunAndWhatWasFlaky) {
  const std::string text = tap_of(passing_run());
  EXPECT_THAT(text, HasSubstr("# shard 2/5\n# seed 42\n"));
  EXPECT_THAT(text, HasSubstr("  tries: 3\n  flaky: \"answers: wanted ok, seen timeout\"\n"));
}

TEST(Tap, BailsOutWhenASignalEndedTheRun) {
  TestRun run = passing_run();
  run.signal = SIGINT;
  EXPECT_THAT(tap_of(run), testing::EndsWith("\nBail out! ended early by signal 2 (Interrupt)\n"));
}

TEST_F(Prove, PassesARunThatPassed) {
  const support::ProgramResult result = prove_run(passing_run());
  EXPECT_EQ(result.exit_code, 0) << to_string(result);
  EXPECT_THAT(result.out, HasSubstr("Tests=2"));
}

TEST_F(Prove, FailsARunThatFailedAndFindsNoFaultInItsForm) {
  const support::ProgramResult result = prove_run(sample_run());
  EXPECT_EQ(result.exit_code, 1) << to_string(result);
  EXPECT_THAT(result.out, HasSubstr("Tests: 3 Failed: 2"));
  EXPECT_THAT(result.out, Not(HasSubstr("Parse errors")));
}

TEST_F(Prove, IsNotLedAstrayByHostileText) {
  const support::ProgramResult result = prove_run(hostile_run());
  EXPECT_EQ(result.exit_code, 1) << to_string(result);
  EXPECT_THAT(result.out, HasSubstr("Tests: 4 Failed: 2"));
  EXPECT_THAT(result.out, Not(HasSubstr("Parse errors")));
}

TEST_F(Prove, StopsWhereWeBailOut) {
  TestRun run = passing_run();
  run.signal = SIGTERM;
  const support::ProgramResult result = prove_run(run);
  EXPECT_NE(result.exit_code, 0) << to_string(result);
  EXPECT_THAT(result.out + result.err, HasSubstr("ended early by signal 15 (Terminated)"));
}

TEST_F(Prove, TakesARunOfNothing) {
  const support::ProgramResult result = prove_run(TestRun());
  EXPECT_EQ(result.exit_code, 0) << to_string(result);
}

}  // namespace
}  // namespace labctl::report
