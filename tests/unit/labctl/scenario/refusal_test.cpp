#include "labctl/scenario/refusal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::scenario {
namespace {

using nlohmann::json;
using testing::IsEmpty;

const json kWeb{{"/api/v1/web", {{"spec", {{"clusterIP", "10.96.0.5"}}}}}};

std::string said(const char* expect, const std::string& message, const json& before, const json& after) {
  const Attempt attempt = check_refusal(json::parse(expect), message, before, after);
  EXPECT_EQ(attempt.passed, attempt.message.empty());
  return attempt.message;
}

TEST(Refusal, IsHeldAgainstItsMessage) {
  EXPECT_THAT(said(R"({"refused": "is full"})", "range is full", kWeb, kWeb), IsEmpty());
  EXPECT_THAT(said(R"({"refused": {"matches": "^range.*full$"}})", "range is full", kWeb, kWeb), IsEmpty());
  EXPECT_EQ(said(R"({"refused": "is taken"})", "range is full", kWeb, kWeb),
            "wanted a refusal with \"is taken\", seen a refusal \"range is full\"");
}

TEST(Refusal, AnAcceptedChangeIsNone) {
  EXPECT_EQ(said(R"({"refused": "is full"})", "", kWeb, kWeb), "wanted a refusal, seen that it was accepted");
}

TEST(Refusal, LeavesEverythingAsItWas) {
  json after = kWeb;
  after["/api/v1/web"]["spec"]["clusterIP"] = "10.96.0.6";
  EXPECT_EQ(said(R"({"refused": "no"})", "no", kWeb, after),
            "wanted no change, seen changes of /api/v1/web: /spec/clusterIP");
}

TEST(Refusal, MakesNothing) {
  const json before{{"/api/v1/web", nullptr}};
  EXPECT_EQ(said(R"({"refused": "no"})", "no", before, kWeb),
            "wanted no change, seen changes of /api/v1/web: ");
}

}  // namespace
}  // namespace labctl::scenario
