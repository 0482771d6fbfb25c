#include "labctl/report/tests/test_suites.hpp"

#include "tests/unit/labctl/report/sample_run.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <set>

namespace labctl::report {
namespace {

std::vector<std::string> case_names(const TestSuite& suite) {
  std::vector<std::string> names;
  for (const TestCase& test_case : suite.cases) {
    names.push_back(test_case.check.name);
  }
  return names;
}

TEST(TestSuites, NumberTheSecondOfAName) {
  TestRun run;
  run.scenarios.resize(2);
  run.scenarios[0].name = run.scenarios[1].name = "a";
  run.scenarios[0].checks = {sample_check("b"), sample_check("b (2)"), sample_check("b"), sample_check("")};
  const std::vector<TestSuite> suites = test_suites(run);
  EXPECT_EQ(suites[0].scenario.name, "a");
  EXPECT_EQ(suites[1].scenario.name, "a (2)");
  EXPECT_EQ(case_names(suites[0]), (std::vector<std::string>{"b", "b (2)", "b (3)", "unnamed"}));
}

TEST(TestSuites, KeepNamesApartThatDifferOnlyInWhatCannotBeWritten) {
  TestRun run;
  run.scenarios.resize(1);
  run.scenarios[0].checks = {sample_check("a\nb"), sample_check("a b"), sample_check("\xff"),
                             sample_check("\\xff")};
  const std::vector<std::string> names = case_names(test_suites(run)[0]);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 4U);
}

TEST(TestSuites, AreNeverEmpty) {
  TestRun run;
  run.scenarios.resize(1);
  EXPECT_EQ(case_names(test_suites(run)[0]), std::vector<std::string>{"scenario"});
}

TEST(TestSuites, GiveAScenarioThatWasFlakyACaseThatPassed) {
  const TestSuite shaky = test_suites(passing_run())[1];
  ASSERT_EQ(shaky.cases.size(), 3U);
  EXPECT_EQ(shaky.cases[2].check.verdict, Verdict::Passed);
  EXPECT_EQ(shaky.cases[2].flaky, "answers: wanted ok, seen timeout");
}

TEST(TestSuites, TellOfTheRunInASuiteOfItsOwn) {
  TestRun run = passing_run();
  EXPECT_EQ(test_suites(run).size(), 2U);
  run.residue = {"link lc0", "netns x"};
  run.signal = SIGTERM;
  const std::vector<TestSuite> suites = test_suites(run);
  ASSERT_EQ(suites.size(), 3U);
  EXPECT_EQ(suites[2].scenario.name, "labctl");
  ASSERT_EQ(suites[2].cases.size(), 2U);
  EXPECT_EQ(suites[2].cases[0].check.message, "2 things left behind");
  EXPECT_EQ(suites[2].cases[0].check.details, "link lc0\nnetns x");
  EXPECT_EQ(suites[2].cases[1].check.message, "ended early by signal 15 (Terminated)");
}

}  // namespace
}  // namespace labctl::report
