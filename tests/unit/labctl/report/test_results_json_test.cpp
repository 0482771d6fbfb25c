#include "labctl/report/tests/test_results_json.hpp"

#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace labctl::report {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

// No field is at its default, so that one that is forgotten shows.
ScenarioResult full_scenario() {
  CheckResult check;
  check.name = "nobody notices";
  check.verdict = Verdict::Failed;
  check.message = "wanted ok, seen timeout";
  check.details = "hop 3\nbytes \xff\xfe too";
  check.explanation = "a node may die";
  check.where = {"s.yaml", 21, 3};
  check.elapsed = 3000001us;
  check.tries = 4;
  ScenarioResult scenario;
  scenario.name = "pods[IPv6,vxlan]#2";
  scenario.file = "dir/s.yaml";
  scenario.labels = {{"topic", "services"}, {"\xc3", "\xa9"}};
  scenario.lab = "pods-1";
  scenario.checks = {check, check};
  scenario.checks[1].verdict = Verdict::Skipped;
  scenario.checks[1].details = std::string("nul \0 inside", 12);
  scenario.error = "lab gone";
  scenario.hint = "more time";
  scenario.skipped = "no VXLAN";
  scenario.tries = 3;
  scenario.flaky = "try 2: timeout";
  scenario.evidence = "/var/evidence/pods";
  scenario.boot = 213001us;
  scenario.elapsed = 5200002us;
  return scenario;
}

void expect_equal(const CheckResult& a, const CheckResult& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.verdict, b.verdict);
  EXPECT_EQ(a.message, b.message);
  EXPECT_EQ(a.details, b.details);
  EXPECT_EQ(a.explanation, b.explanation);
  EXPECT_EQ(a.where, b.where);
  EXPECT_EQ(a.elapsed, b.elapsed);
  EXPECT_EQ(a.tries, b.tries);
}

TEST(TestResultsJson, ARoundTripLosesNothing) {
  const ScenarioResult before = full_scenario();
  const std::string line = scenario_to_json(before).dump();
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  const ScenarioResult after = scenario_from_json(nlohmann::json::parse(line));
  EXPECT_EQ(after.name, before.name);
  EXPECT_EQ(after.file, before.file);
  EXPECT_EQ(after.labels, before.labels);
  EXPECT_EQ(after.lab, before.lab);
  EXPECT_EQ(after.error, before.error);
  EXPECT_EQ(after.hint, before.hint);
  EXPECT_EQ(after.skipped, before.skipped);
  EXPECT_EQ(after.tries, before.tries);
  EXPECT_EQ(after.flaky, before.flaky);
  EXPECT_EQ(after.evidence, before.evidence);
  EXPECT_EQ(after.boot, before.boot);
  EXPECT_EQ(after.elapsed, before.elapsed);
  ASSERT_EQ(after.checks.size(), before.checks.size());
  for (size_t i = 0; i < before.checks.size(); ++i) {
    expect_equal(after.checks[i], before.checks[i]);
  }
}

TEST(TestResultsJson, EveryVerdictComesBack) {
  for (const Verdict verdict : {Verdict::Passed, Verdict::Failed, Verdict::Broken, Verdict::Skipped}) {
    CheckResult check;
    check.verdict = verdict;
    EXPECT_EQ(check_from_json(check_to_json(check)).verdict, verdict);
  }
}

TEST(TestResultsJson, EachFieldThatIsMissingIsNamed) {
  const nlohmann::json whole = scenario_to_json(full_scenario());
  for (const auto& [field, value] : whole.items()) {
    nlohmann::json part = whole;
    part.erase(field);
    try {
      scenario_from_json(part);
      ADD_FAILURE() << field << " is not missed";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
      EXPECT_THAT(error.what(), HasSubstr(field + ": missing"));
    }
  }
}

TEST(TestResultsJson, AFieldOfAnotherTypeIsRefused) {
  const nlohmann::json whole = check_to_json(full_scenario().checks[0]);
  for (const auto& [field, value] : whole.items()) {
    nlohmann::json part = whole;
    part[field] = nullptr;
    EXPECT_THROW(check_from_json(part), Error) << field;
  }
  nlohmann::json far = whole;
  far["tries"] = 1LL << 40;
  EXPECT_THROW(check_from_json(far), Error);
  far = whole;
  far["elapsedUs"] = 1e300;
  EXPECT_THROW(check_from_json(far), Error);
  far = whole;
  far["name"] = {{"bytes", {256}}};
  EXPECT_THROW(check_from_json(far), Error);
  EXPECT_THROW(scenario_from_json(nlohmann::json::array()), Error);
}

}  // namespace
}  // namespace labctl::report
