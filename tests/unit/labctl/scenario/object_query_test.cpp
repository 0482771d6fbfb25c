#include "labctl/scenario/object_query.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::scenario {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

const json kSlice = json::parse(R"({
  "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web", "a~b": "c"}},
  "endpoints": [{"addresses": ["10.244.1.2"], "conditions": {"ready": true}},
                {"addresses": ["10.244.2.2"], "conditions": {"ready": false}},
                {"conditions": {"ready": true}}],
  "ports": [{"name": "http", "port": 8080}, {"name": "admin", "port": 8081}]})");

std::vector<std::string> values(const std::string& pointer) {
  std::vector<std::string> out;
  collect_values(kSlice, pointer, out);
  return out;
}

std::string said(const char* expect, std::vector<std::string> seen) {
  Attempt attempt;
  check_values(json::parse(expect), "/x", std::move(seen), attempt);
  EXPECT_EQ(attempt.passed, attempt.message.empty());
  return attempt.message;
}

TEST(ObjectQuery, AStarIsEachElementAndEachMember) {
  EXPECT_THAT(values("/endpoints/*/addresses/0"), ElementsAre("10.244.1.2", "10.244.2.2"));
  EXPECT_THAT(values("/ports/*/port"), ElementsAre("8080", "8081"));
  EXPECT_THAT(values("/metadata/labels/*"), ElementsAre("c", "web"));
  EXPECT_THAT(values("/endpoints/*/conditions/*"), ElementsAre("true", "false", "true"));
}

TEST(ObjectQuery, APartMayBeEscaped) {
  EXPECT_THAT(values("/metadata/labels/kubernetes.io~1service-name"), ElementsAre("web"));
  EXPECT_THAT(values("/metadata/labels/a~0b"), ElementsAre("c"));
}

TEST(ObjectQuery, WhatIsNotThereIsNoValue) {
  for (const char* pointer : {"/spec", "/endpoints/9/addresses", "/endpoints/x", "/metadata/name/*",
                              "/metadata/name/0", "/ports/99999999999999999999", "/"}) {
    EXPECT_THAT(values(pointer), IsEmpty()) << pointer;
  }
}

TEST(ObjectQuery, AWholeObjectIsAValue) {
  EXPECT_THAT(values("/endpoints/0/conditions"), ElementsAre(R"({"ready":true})"));
}

TEST(ObjectQuery, ValuesAreAllAndInAnyOrder) {
  EXPECT_THAT(said(R"({"values": ["b", "a", 3]})", {"3", "a", "b"}), IsEmpty());
  EXPECT_THAT(said(R"({"values": []})", {}), IsEmpty());
  EXPECT_EQ(said(R"({"values": ["a"]})", {"b", "a"}), "wanted /x to be a, seen a, b");
  EXPECT_EQ(said(R"({"values": ["a", "a"]})", {"a"}), "wanted /x to be a, a, seen a");
  EXPECT_EQ(said(R"({"values": ["a"]})", {}), "wanted /x to be a, seen nothing");
}

TEST(ObjectQuery, ACountIsOfValues) {
  EXPECT_THAT(said(R"({"count": 2})", {"a", "b"}), IsEmpty());
  EXPECT_EQ(said(R"({"count": 0})", {"a"}), "wanted 0 values of /x, seen 1 value: a");
}

TEST(ObjectQuery, EqualsIsOneValue) {
  EXPECT_THAT(said(R"({"equals": 30080})", {"30080"}), IsEmpty());
  EXPECT_EQ(said(R"({"equals": true})", {"true", "true"}), "wanted /x to be true, seen true, true");
  EXPECT_EQ(said(R"({"equals": "a"})", {}), "wanted /x to be a, seen nothing");
}

TEST(ObjectQuery, MatchesIsOfEachAndOfOneAtLeast) {
  EXPECT_THAT(said(R"({"matches": "^10"})", {"10.0.0.1", "10.0.0.2"}), IsEmpty());
  EXPECT_EQ(said(R"({"matches": "^10"})", {"10.0.0.1", "11.0.0.2"}),
            "wanted each of /x matching \"^10\", seen 10.0.0.1, 11.0.0.2");
  EXPECT_EQ(said(R"({"matches": "^10"})", {}), "wanted each of /x matching \"^10\", seen nothing");
}

TEST(ObjectQuery, ALongListIsCut) {
  EXPECT_THAT(said(R"({"count": 1})", std::vector<std::string>(25, "a")), testing::EndsWith("a and 5 more"));
}

}  // namespace
}  // namespace labctl::scenario
