#include "labctl/scenario/selection.hpp"

#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace labctl::scenario {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Scenario named(const std::string& name, nlohmann::json labels = nlohmann::json::object()) {
  Scenario scenario;
  scenario.name = name;
  scenario.document.json = {{"metadata", {{"name", name}, {"labels", std::move(labels)}}}};
  return scenario;
}

std::vector<std::string> names_of(const std::vector<Scenario>& scenarios) {
  std::vector<std::string> names;
  for (const Scenario& scenario : scenarios) {
    names.push_back(scenario.name);
  }
  return names;
}

std::vector<Scenario> some() {
  return {named("dns", {{"topic", "names"}}), named("pods[IPv4]"), named("pods[IPv6]", {{"slow", "yes"}})};
}

std::vector<Scenario> numbered(int count) {
  std::vector<Scenario> scenarios;
  for (int i = 0; i < count; ++i) {
    scenarios.push_back(named(std::to_string(i)));
  }
  return scenarios;
}

using Variables = std::map<std::string, std::string>;
std::optional<Shard> shard(const std::string& flag, const Variables& variables = {}) {
  return shard_of(flag, [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Selection, RunAndSkipLookIntoTheWholeName) {
  EXPECT_THAT(names_of(select(some(), {})), ElementsAre("dns", "pods[IPv4]", "pods[IPv6]"));
  EXPECT_THAT(names_of(select(some(), {.run = "IPv|d"})), ElementsAre("dns", "pods[IPv4]", "pods[IPv6]"));
  EXPECT_THAT(names_of(select(some(), {.run = "^pods", .skip = "6"})), ElementsAre("pods[IPv4]"));
  EXPECT_THAT(names_of(select(some(), {.run = "nothing"})), IsEmpty());
  EXPECT_THROW(select(some(), {.run = "("}), Error);
  EXPECT_THROW(select(some(), {.skip = "["}), Error);
}

TEST(Selection, ATagIsAKeyAValueOrBoth) {
  EXPECT_THAT(names_of(select(some(), {.tags = {"topic"}})), ElementsAre("dns"));
  EXPECT_THAT(names_of(select(some(), {.tags = {"names"}})), ElementsAre("dns"));
  EXPECT_THAT(names_of(select(some(), {.tags = {"slow=yes", "topic=names"}})),
              ElementsAre("dns", "pods[IPv6]"));
  EXPECT_THAT(names_of(select(some(), {.tags = {"topic=other"}})), IsEmpty());
}

TEST(Selection, OnlyKeepsNames) {
  EXPECT_THAT(names_of(select(some(), {.only = std::set<std::string>{"dns", "gone"}})), ElementsAre("dns"));
  EXPECT_THAT(names_of(select(some(), {.only = std::set<std::string>{}})), IsEmpty());
}

TEST(Selection, ASeedGivesOneOrderOfAll) {
  std::vector<Scenario> one = numbered(50), again = numbered(50), other = numbered(50);
  shuffle(one, 42);
  shuffle(again, 42);
  shuffle(other, 43);
  EXPECT_EQ(names_of(one), names_of(again));
  EXPECT_NE(names_of(one), names_of(other));
  EXPECT_THAT(names_of(one), testing::UnorderedElementsAreArray(names_of(numbered(50))));
}

TEST(Shard, IsReadFromTheFlagAndTheEnvironmentsOfEngines) {
  EXPECT_EQ(shard(""), std::nullopt);
  EXPECT_EQ(shard("2/5"), (Shard{2, 5, "--shard"}));
  EXPECT_EQ(shard("", {{"CI_NODE_INDEX", "3"}, {"CI_NODE_TOTAL", "4"}}), (Shard{3, 4, "CI_NODE_INDEX"}));
  EXPECT_EQ(shard("", {{"TEST_SHARD_INDEX", "0"}, {"TEST_TOTAL_SHARDS", "2"}}),
            (Shard{1, 2, "TEST_SHARD_INDEX"}));
  EXPECT_EQ(shard("6", {{"JOB_COMPLETION_INDEX", "5"}}), (Shard{6, 6, "JOB_COMPLETION_INDEX"}));
  // What is said on the command line counts more.
  EXPECT_EQ(shard("1/2", {{"CI_NODE_INDEX", "3"}, {"CI_NODE_TOTAL", "4"}}), (Shard{1, 2, "--shard"}));
  // GitLab sets the total alone where a job is not parallel.
  EXPECT_EQ(shard("", {{"CI_NODE_TOTAL", "1"}}), std::nullopt);
}

TEST(Shard, WhatIsNoneIsRefused) {
  for (const char* flag : {"0/5", "6/5", "1/0", "a/5", "1/b", "1/", "/5", "-1/5", "1/2/3", "5"}) {
    EXPECT_THROW(shard(flag), Error) << flag;
  }
  EXPECT_THROW(shard("", {{"CI_NODE_INDEX", "x"}, {"CI_NODE_TOTAL", "4"}}), Error);
  EXPECT_THROW(shard("3", {{"JOB_COMPLETION_INDEX", "3"}}), Error);
}

TEST(Shard, TogetherTheyAreAllAndNoneTwice) {
  for (int total = 1; total <= 7; ++total) {
    std::vector<std::string> names;
    for (int index = 1; index <= total; ++index) {
      for (const std::string& name : names_of(take_shard(numbered(20), {index, total, ""}))) {
        names.push_back(name);
      }
    }
    EXPECT_THAT(names, testing::UnorderedElementsAreArray(names_of(numbered(20)))) << total;
  }
}

}  // namespace
}  // namespace labctl::scenario
