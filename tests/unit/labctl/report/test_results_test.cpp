#include "labctl/report/test_results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace labctl::report {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

CheckResult check(const std::string& name, std::chrono::microseconds elapsed = {}) {
  CheckResult out;
  out.name = name;
  out.elapsed = elapsed;
  return out;
}

TestRun sample() {
  CheckResult bad = check("nobody <notices>", 3s);
  bad.verdict = Verdict::Failed;
  bad.message = "wanted ok, seen timeout";
  bad.details = "hop 3\nhop \x01 4";
  bad.where = {"s.yaml", 21, 3};
  bad.tries = 4;
  ScenarioResult failing;
  failing.name = "endpoints-move";
  failing.file = "s.yaml";
  failing.labels = {{"topic", "services"}};
  failing.checks = {check("every backend answers", 41ms), bad};
  failing.boot = 213ms;
  failing.elapsed = 5200ms;
  ScenarioResult broken;
  broken.name = "no-lab";
  broken.file = "t.yaml";
  broken.error = "boot: timed out";
  broken.hint = "more time";
  ScenarioResult skipped;
  skipped.name = "later";
  skipped.skipped = "needs VXLAN";
  TestRun run;
  run.scenarios = {failing, broken, skipped};
  run.elapsed = 6s;
  return run;
}

TEST(TestResults, AScenarioIsAsBadAsItsWorstPart) {
  const TestRun run = sample();
  EXPECT_EQ(run.scenarios[0].verdict(), Verdict::Failed);
  EXPECT_EQ(run.scenarios[1].verdict(), Verdict::Broken);
  EXPECT_EQ(run.scenarios[2].verdict(), Verdict::Skipped);
  EXPECT_EQ(run.count(Verdict::Passed), 0);
}

TEST(TestProgress, PrintsTheLinesOfAScenarioTogether) {
  std::ostringstream out;
  TestProgress progress(out, Palette(), false, false);
  const TestRun run = sample();
  progress.scenario_started(run.scenarios[0]);
  progress.check_finished(run.scenarios[0], run.scenarios[0].checks[0]);
  EXPECT_EQ(out.str(), "");
  progress.scenario_finished(run.scenarios[0]);
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

TEST(TestProgress, EndsWithTheFailuresAndTheCounts) {
  std::ostringstream out;
  TestProgress(out, Palette(), false, false).run_finished(sample());
  EXPECT_EQ(out.str(),
            "\nFailed:\n"
            "  endpoints-move: nobody <notices>: wanted ok, seen timeout\n"
            "  no-lab: boot: timed out\n"
            "\n3 scenarios: 1 failed, 1 broken, 1 skipped; 2 checks; 6.0s\n");
}

TEST(Junit, CountsAndEscapes) {
  std::ostringstream out;
  write_junit(out, sample());
  const std::string text = out.str();
  EXPECT_THAT(text,
              HasSubstr("<testsuites name=\"labctl\" tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\""));
  EXPECT_THAT(text, HasSubstr("<testcase name=\"nobody &lt;notices&gt;\" classname=\"endpoints-move\" "
                              "time=\"3.000000\" file=\"s.yaml\" line=\"21\">"));
  EXPECT_THAT(text, HasSubstr("<failure message=\"wanted ok, seen timeout\">hop 3\nhop \\x01 4</failure>"));
  EXPECT_THAT(text, HasSubstr("<property name=\"topic\" value=\"services\"/>"));
  EXPECT_THAT(text, HasSubstr("<skipped message=\"needs VXLAN\"/>"));
}

TEST(Junit, HoldsOnlyCharactersThatXmlAllows) {
  TestRun run;
  ScenarioResult scenario;
  for (int c = 1; c < 256; ++c) {
    scenario.name += static_cast<char>(c);
  }
  scenario.name += "\xed\xa0\x80\xef\xbf\xbf\xf5\x80\x80\x80 \xf0\x9f\x98\x80";
  scenario.checks.push_back(check(scenario.name));
  run.scenarios.push_back(scenario);
  std::ostringstream out;
  write_junit(out, run);
  for (const char c : out.str()) {
    const auto byte = static_cast<unsigned char>(c);
    EXPECT_TRUE(byte >= 0x20 || byte == '\n') << int{byte};
  }
  EXPECT_THAT(out.str(), HasSubstr("\\xed\\xa0\\x80\\xef\\xbf\\xbf\\xf5\\x80\\x80\\x80 \xf0\x9f\x98\x80"));
}

TEST(Tap, NumbersPointsAndMarksSkips) {
  std::ostringstream out;
  write_tap(out, sample());
  EXPECT_THAT(out.str(), HasSubstr("ok 1 - endpoints-move: every backend answers\nnot ok 2 - "));
  EXPECT_THAT(out.str(), HasSubstr("ok 4 - later: scenario # SKIP needs VXLAN\n1..4\n"));
}

TEST(GithubAnnotations, EscapeWhatWouldEndThem) {
  TestRun run = sample();
  run.scenarios[0].checks[1].message = "100%\nnext";
  std::ostringstream out;
  write_github_annotations(out, run);
  EXPECT_THAT(
      out.str(),
      HasSubstr("::error file=s.yaml,line=21,title=endpoints-move%3A nobody <notices>::100%25%0Anext\n"));
}

TEST(TestResults, SayTheirVerdictsInJson) {
  const nlohmann::json json = to_json(sample());
  EXPECT_EQ(json["scenarios"][0]["checks"][1]["verdict"], "failed");
  EXPECT_EQ(json["scenarios"][1]["error"], "boot: timed out");
  EXPECT_EQ(json["failed"], 1);
}

}  // namespace
}  // namespace labctl::report
