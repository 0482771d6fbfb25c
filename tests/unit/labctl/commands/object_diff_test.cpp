#include "labctl/commands/object_diff.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace labctl::commands {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

json change_of(const char* kind, const char* live, const char* merged) {
  return {{"apiVersion", "v1"},        {"kind", kind},
          {"namespace", "default"},    {"name", "x"},
          {"live", json::parse(live)}, {"merged", json::parse(merged)}};
}

TEST(ObjectDiff, ShowsFieldsByTheirLines) {
  EXPECT_EQ(
      object_diff(change_of("Service", R"({"spec":{"type":"ClusterIP","a":1}})",
                            R"({"spec":{"type":"NodePort","a":1}})")),
      "--- live/v1.Service.default.x\n+++ merged/v1.Service.default.x\n@@ -1,3 +1,3 @@\n spec:\n   a: 1\n"
      "-  type: ClusterIP\n+  type: NodePort\n");
}

TEST(ObjectDiff, OfANewOrAPrunedObjectIsAllOfIt) {
  EXPECT_THAT(object_diff(change_of("Pod", "null", R"({"kind":"Pod"})")),
              HasSubstr("@@ -0,0 +1 @@\n+kind: Pod\n"));
  EXPECT_THAT(object_diff(change_of("Pod", R"({"kind":"Pod"})", "null")),
              HasSubstr("@@ -1 +0,0 @@\n-kind: Pod\n"));
}

TEST(ObjectDiff, SaysNothingOfWhatOnlyTheLabWritesNorOfTheApplyItself) {
  EXPECT_EQ(
      object_diff(change_of(
          "Pod",
          R"({"metadata":{"uid":"1","generation":1,"resourceVersion":"1"},"status":{"phase":"Pending"}})",
          R"({"metadata":{"uid":"2","generation":2,"resourceVersion":"2",
                "annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}"}},"status":{}})")),
      "");
  EXPECT_EQ(object_diff({{"kind", "Pod"}, {"action", "unchanged"}}), "");
}

TEST(ObjectDiff, ShowsNoValueOfASecret) {
  const std::string diff =
      object_diff(change_of("Secret", R"({"data":{"a":"c2FtZQ==","b":"b2xk","c":"Z29uZQ=="}})",
                            R"({"data":{"a":"c2FtZQ==","b":"bmV3","d":"Y29tZQ=="}})"));
  EXPECT_THAT(diff, HasSubstr("   a: '***'\n-  b: '*** (before)'\n"));
  EXPECT_THAT(diff, HasSubstr("+  b: '*** (after)'\n"));
  for (const char* value : {"c2FtZQ", "b2xk", "Z29uZQ", "bmV3", "Y29tZQ"}) {
    EXPECT_THAT(diff, Not(HasSubstr(value)));
  }
}

TEST(ObjectDiff, OfAnyAnswerIsSomeText) {
  for (const char* odd : {"3", "[]", "{}", R"({"live":3,"merged":[1]})",
                          R"({"kind":"Secret","live":{"data":[1]},"merged":{"data":{"a":{}}}})",
                          R"({"live":{"metadata":{"annotations":7}},"merged":{"metadata":[]}})"}) {
    EXPECT_NO_THROW(object_diff(json::parse(odd))) << odd;
  }
}

}  // namespace
}  // namespace labctl::commands
