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

std::string junit_of(const TestRun& run) {
  std::ostringstream out;
  write_junit(out, run);
  return out.str();
}

// What xmllint says of it by the schema; exit code 0 for a valid document.
support::ProgramResult validated(const std::string& document) {
  const support::TempDir folder;
  const std::string schema = std::string(LABCTL_SOURCE_DIR) + "/tests/unit/labctl/report/junit-10.xsd";
  const std::string file = folder.write("junit.xml", document);
  support::Program program;
  program.command = {"xmllint", "--noout", "--nonet", "--schema", schema, file};
  return run_program(program);
}

class JunitSchema : public testing::Test {
 protected:
  void SetUp() override {
    if (support::find_program("xmllint").empty()) {
      GTEST_SKIP() << "xmllint is missing: apt-get install libxml2-utils";
    }
  }
};

TEST(Junit, CountsAndEscapes) {
  const std::string text = junit_of(sample_run());
  EXPECT_THAT(text, HasSubstr("<testsuites name=\"labctl\" tests=\"4\" failures=\"1\" errors=\"1\" time="));
  EXPECT_THAT(text, HasSubstr("<testsuite name=\"endpoints-move\" tests=\"2\" failures=\"1\" errors=\"0\" "
                              "skipped=\"0\" time=\"5.200000\" timestamp=\"1970-01-01T00:00:00\" "
                              "file=\"s.yaml\">"));
  EXPECT_THAT(text, HasSubstr("<testcase name=\"nobody &lt;notices&gt;\" classname=\"endpoints-move\" "
                              "time=\"3.000000\">"));
  EXPECT_THAT(text, HasSubstr("<failure type=\"failed\" message=\"wanted ok, seen timeout\">s.yaml:21\n"
                              "hop 3\nhop \\x01 4</failure>"));
  EXPECT_THAT(text, HasSubstr("<property name=\"topic\" value=\"services\"/>"));
  EXPECT_THAT(text, HasSubstr("<skipped message=\"needs VXLAN\"/>"));
}

TEST(Junit, ShowsFlakyScenariosAsSurefireDoes) {
  const std::string text = junit_of(passing_run());
  EXPECT_THAT(text, HasSubstr("<flakyFailure type=\"flaky\" message=\"answers: wanted ok, seen timeout\"/>"));
  EXPECT_THAT(text, HasSubstr("failures=\"0\" errors=\"0\" time"));
  EXPECT_THAT(text, HasSubstr("<property name=\"retries\" value=\"2\"/>"));
}

TEST(Junit, SaysWhatRepeatsTheRunInEverySuite) {
  const std::string text = junit_of(passing_run());
  const std::string seed = "<property name=\"seed\" value=\"42\"/>";
  EXPECT_THAT(text, HasSubstr("<property name=\"shard\" value=\"2/5\"/>"));
  EXPECT_NE(text.find(seed), text.rfind(seed));
  EXPECT_THAT(text, Not(HasSubstr("hostname")));
}

TEST(Junit, ALabelDoesNotHideAPropertyOfOurs) {
  TestRun run = passing_run();
  run.scenarios[0].labels = {{"seed", "oak"}};
  const std::string text = junit_of(run);
  EXPECT_THAT(text, HasSubstr("name=\"seed\" value=\"42\""));
  EXPECT_THAT(text, HasSubstr("name=\"label.seed\" value=\"oak\""));
}

TEST(Junit, HoldsOnlyCharactersThatXmlAllows) {
  const std::string text = junit_of(hostile_run());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    EXPECT_TRUE(byte >= 0x20 || byte == '\n') << int{byte};
  }
  EXPECT_THAT(text, HasSubstr("\\xed\\xa0\\x80\\uffff\\xf5\\x80\\x80\\x80"));
  EXPECT_THAT(text, HasSubstr("\xf0\x9f\x98\x80"));
}

TEST_F(JunitSchema, HoldsForScenariosOfEveryKind) {
  TestRun run = sample_run();
  for (const ScenarioResult& scenario : passing_run().scenarios) {
    run.scenarios.push_back(scenario);
  }
  run.seed = 1;
  run.residue = {"link lc0"};
  run.signal = SIGINT;
  const support::ProgramResult result = validated(junit_of(run));
  EXPECT_EQ(result.exit_code, 0) << to_string(result);
}

TEST_F(JunitSchema, HoldsForARunOfNothing) {
  const support::ProgramResult result = validated(junit_of(TestRun()));
  EXPECT_EQ(result.exit_code, 0) << to_string(result);
}

TEST_F(JunitSchema, HoldsForHostileText) {
  const support::ProgramResult result = validated(junit_of(hostile_run()));
  EXPECT_EQ(result.exit_code, 0) << to_string(result);
}

TEST_F(JunitSchema, RefusesWhatItDoesNotKnow) {
  std::string text = junit_of(sample_run());
  text.replace(text.find("classname="), 10, "line=");
  EXPECT_NE(validated(text).exit_code, 0);
}

}  // namespace
}  // namespace labctl::report
