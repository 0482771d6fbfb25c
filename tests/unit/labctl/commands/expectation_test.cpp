#include "labctl/commands/expectation.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace labctl::commands {
namespace {

using Json = nlohmann::json;

bool passes(const char* expect, const char* result) {
  return !expectation_from_json(Json::parse(expect)).mismatch(Json::parse(result));
}

TEST(Expectation, TakesAnyOfSeveralOutcomes) {
  EXPECT_TRUE(passes(R"("refused,reset")", R"({"outcome":"reset"})"));
  EXPECT_TRUE(passes(R"(["refused","reset"])", R"({"outcome":"refused"})"));
  EXPECT_FALSE(passes(R"("refused,reset")", R"({"outcome":"ok"})"));
}

TEST(Expectation, FailIsAnyAnswerButOkAndNeverSilenceAboutTheQuestion) {
  EXPECT_TRUE(passes(R"("fail")", R"({"outcome":"timeout"})"));
  EXPECT_FALSE(passes(R"("fail")", R"({"outcome":"ok"})"));
  EXPECT_FALSE(passes(R"("fail")", R"({"outcome":"inconclusive"})"));
  EXPECT_FALSE(passes(R"("inconclusive")", R"({"outcome":"inconclusive","error":"no such pod"})"));
}

TEST(Expectation, OfOneOutcomeHoldsForEveryTry) {
  EXPECT_FALSE(passes(R"("ok")", R"({"outcome":"ok","tries":10,"outcomes":{"ok":9,"timeout":1}})"));
  EXPECT_TRUE(passes(R"("ok")", R"({"outcome":"ok","tries":10,"outcomes":{"ok":10}})"));
}

TEST(Expectation, OfBackendsWantsEachOfThemAndNobodyElse) {
  const char* expect = R"({"outcome":"ok","backends":["pod/default/a","pod/default/b"]})";
  EXPECT_TRUE(
      passes(expect, R"({"outcome":"ok","tries":4,"responses":{"pod/default/a":2,"pod/default/b":2}})"));
  EXPECT_FALSE(passes(expect, R"({"outcome":"ok","tries":4,"responses":{"pod/default/a":4}})"));
  EXPECT_FALSE(
      passes(expect, R"({"outcome":"ok","tries":4,"responses":{"pod/default/a":2,"pod/default/c":2}})"));
  EXPECT_TRUE(passes(expect, R"({"outcome":"ok","tries":1,"backend":"pod/default/b"})"));
  EXPECT_FALSE(passes(expect, R"({"outcome":"ok","tries":1})"));
}

TEST(Expectation, ComparesTheSourceThatTheServerSaw) {
  EXPECT_TRUE(passes(R"({"source":"10.0.0.1"})", R"({"outcome":"ok","source":"10.0.0.1"})"));
  EXPECT_FALSE(passes(R"({"source":"10.0.0.1"})", R"({"outcome":"ok","source":"10.0.0.2"})"));
}

TEST(Expectation, RefusesWordsThatAreNoOutcomes) {
  EXPECT_THROW(parse_expectation("okay"), Error);
  EXPECT_THROW(parse_expectation(""), Error);
  EXPECT_THROW(expectation_from_json(5), Error);
  EXPECT_THROW(expectation_from_json({{"outcom", "ok"}}), Error);
}

}  // namespace
}  // namespace labctl::commands
