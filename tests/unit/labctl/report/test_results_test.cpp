#include "labctl/report/tests/test_results.hpp"

#include "tests/unit/labctl/report/sample_run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace labctl::report {
namespace {

std::vector<nlohmann::json> lines_of_jsonl(const TestRun& run) {
  std::ostringstream out;
  write_jsonl(out, run);
  std::istringstream in(out.str());
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(nlohmann::json::parse(line));
  }
  return lines;
}

TEST(TestResults, AScenarioIsAsBadAsItsWorstPart) {
  const TestRun run = sample_run();
  EXPECT_EQ(run.scenarios[0].verdict(), Verdict::Failed);
  EXPECT_EQ(run.scenarios[1].verdict(), Verdict::Broken);
  EXPECT_EQ(run.scenarios[2].verdict(), Verdict::Skipped);
  EXPECT_EQ(run.count(Verdict::Passed), 0);
}

TEST(TestResults, AreFlakyOnlyIfTheyPassed) {
  TestRun run = passing_run();
  EXPECT_EQ(run.count_flaky(), 1);
  run.scenarios[1].error = "lab gone";
  EXPECT_EQ(run.count_flaky(), 0);
}

TEST(TestResults, SayTheirVerdictsInJson) {
  const nlohmann::json json = to_json(sample_run());
  EXPECT_EQ(json["scenarios"][0]["checks"][1]["verdict"], "failed");
  EXPECT_EQ(json["scenarios"][1]["error"], "boot: timed out");
  EXPECT_EQ(json["failed"], 1);
  EXPECT_FALSE(json.contains("seed"));
  EXPECT_FALSE(json["scenarios"][0].contains("evidence"));
}

TEST(TestResults, SayInJsonWhatRepeatsTheRun) {
  TestRun run = passing_run();
  run.residue = {"link lc0"};
  run.signal = 2;
  run.exit_code = 130;
  run.host = "host: as before";
  const nlohmann::json json = to_json(run);
  EXPECT_EQ(json["seed"], 42);
  EXPECT_EQ(json["shard"], "2/5");
  EXPECT_EQ(json["flaky"], 1);
  EXPECT_EQ(json["residue"], nlohmann::json({"link lc0"}));
  EXPECT_EQ(json["signal"], 2);
  EXPECT_EQ(json["exitCode"], 130);
  EXPECT_EQ(json["host"], "host: as before");
  EXPECT_EQ(json["started"], "1970-01-01T00:00:00Z");
  EXPECT_EQ(json["scenarios"][1]["tries"], 3);
  EXPECT_EQ(json["scenarios"][1]["flaky"], "answers: wanted ok, seen timeout");
  EXPECT_EQ(json["scenarios"][1]["evidence"], "evidence/shaky");
}

TEST(JsonLines, AreOneAScenarioAndASummaryLast) {
  const std::vector<nlohmann::json> lines = lines_of_jsonl(sample_run());
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0]["event"], "scenario");
  EXPECT_EQ(lines[0]["checks"][1]["message"], "wanted ok, seen timeout");
  EXPECT_EQ(lines[2]["skipped"], "needs VXLAN");
  EXPECT_EQ(lines[3]["event"], "summary");
  EXPECT_EQ(lines[3]["scenarios"], 3);
  EXPECT_EQ(lines[3]["checks"], 2);
  EXPECT_EQ(lines[3]["broken"], 1);
}

TEST(JsonLines, OfNoScenarioAreTheSummaryAlone) {
  const std::vector<nlohmann::json> lines = lines_of_jsonl(TestRun());
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["scenarios"], 0);
}

TEST(JsonLines, HoldTextThatIsNoUtf8) {
  const std::vector<nlohmann::json> lines = lines_of_jsonl(hostile_run());
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_THAT(lines[0]["name"].get<std::string>(), testing::HasSubstr("\ufffd"));
}

}  // namespace
}  // namespace labctl::report
