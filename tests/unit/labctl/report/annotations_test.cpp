#include "labctl/report/tests/test_results.hpp"
#include "tests/unit/labctl/report/sample_run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <regex>
#include <set>
#include <sstream>

namespace labctl::report {
namespace {

using testing::HasSubstr;

std::string annotations_of(const TestRun& run) {
  std::ostringstream out;
  write_github_annotations(out, run);
  return out.str();
}

nlohmann::json code_quality_of(const TestRun& run) {
  std::ostringstream out;
  write_code_quality(out, run);
  return nlohmann::json::parse(out.str());
}

std::set<std::string> fingerprints_of(const TestRun& run) {
  const nlohmann::json findings = code_quality_of(run);
  std::set<std::string> fingerprints;
  for (const nlohmann::json& finding : findings) {
    fingerprints.insert(finding.at("fingerprint").get<std::string>());
  }
  EXPECT_EQ(fingerprints.size(), findings.size());
  return fingerprints;
}

TEST(GithubAnnotations, EscapeWhatWouldEndThem) {
  TestRun run = sample_run();
  run.scenarios[0].checks[1].message = "100%\nnext";
  EXPECT_THAT(
      annotations_of(run),
      HasSubstr("::error file=s.yaml,line=21,title=endpoints-move%3A nobody <notices>::100%25%0Anext\n"));
}

TEST(GithubAnnotations, AreOneLineEach) {
  const std::string text = annotations_of(hostile_run());
  static const std::regex line(R"(::(error|warning) (file=[^,:]*,(line=\d+,)?)?title=[^,:]*::.+)");
  std::istringstream in(text);
  size_t lines = 0;
  for (std::string one; std::getline(in, one); ++lines) {
    EXPECT_TRUE(std::regex_match(one, line)) << one;
  }
  EXPECT_EQ(lines, 5U);  // two checks and the error of the first, the second flaky, one residue
}

TEST(GithubAnnotations, WarnOfFlakyScenarios) {
  EXPECT_EQ(annotations_of(passing_run()),
            "::warning file=shaky/scenario.yaml,title=shaky%3A flaky::"
            "passed on try 3; before: answers: wanted ok, seen timeout\n");
}

TEST(GithubAnnotations, TellWhatIsLeftBehind) {
  TestRun run;
  run.residue = {"link lc0"};
  EXPECT_EQ(annotations_of(run), "::error title=labctl%3A left behind::link lc0\n");
}

TEST(CodeQuality, HasWhatGitlabAsksFor) {
  TestRun run = sample_run();
  run.scenarios.push_back(passing_run().scenarios[1]);
  run.scenarios.back().file = "././shaky.yaml";
  run.residue = {"link lc0"};
  const nlohmann::json findings = code_quality_of(run);
  ASSERT_EQ(findings.size(), 4U);
  EXPECT_EQ(findings[0]["description"], "endpoints-move: nobody <notices>: wanted ok, seen timeout");
  EXPECT_EQ(findings[0]["check_name"], "labctl-failed");
  EXPECT_EQ(findings[0]["severity"], "major");
  EXPECT_EQ(findings[0]["location"]["path"], "s.yaml");
  EXPECT_EQ(findings[0]["location"]["lines"]["begin"], 21);
  EXPECT_EQ(findings[1]["severity"], "critical");
  EXPECT_EQ(findings[1]["location"]["lines"]["begin"], 1);
  EXPECT_EQ(findings[2]["check_name"], "labctl-flaky");
  EXPECT_EQ(findings[2]["location"]["path"], "shaky.yaml");
  EXPECT_EQ(findings[3]["description"], "labctl: left behind: link lc0");
  EXPECT_EQ(findings[3]["location"]["path"], "s.yaml");
}

TEST(CodeQuality, OfAGoodRunIsAnEmptyList) {
  TestRun run = passing_run();
  run.scenarios.pop_back();
  EXPECT_EQ(code_quality_of(run), nlohmann::json::array());
}

// Written down: a merge request compares them with those of an older labctl.
TEST(CodeQuality, FingerprintsAreTheSameInEveryRun) {
  EXPECT_EQ(code_quality_of(sample_run())[1]["fingerprint"], "75844109ecd08f6f");
  TestRun slower = sample_run();
  slower.scenarios[0].checks[1].message = "wanted ok, seen refused";
  slower.scenarios[0].checks[1].where.line = 30;
  EXPECT_EQ(fingerprints_of(slower), fingerprints_of(sample_run()));
}

TEST(CodeQuality, FingerprintsOfChecksOfOneNameDiffer) {
  TestRun run = sample_run();
  run.scenarios[0].checks.push_back(run.scenarios[0].checks[1]);
  run.residue = {"a", "b", "a"};
  EXPECT_EQ(fingerprints_of(run).size(), 5U);
}

TEST(CodeQuality, HoldsHostileText) { EXPECT_EQ(fingerprints_of(hostile_run()).size(), 5U); }

}  // namespace
}  // namespace labctl::report
