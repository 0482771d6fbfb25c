#include "labctl/objects/names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

namespace labctl::objects {
namespace {

TEST(Names, AGeneratedNameIsThePrefixAndFiveCharacters) {
  EXPECT_THAT(generated_name("web-", 0), ::testing::MatchesRegex("web-[bcdfghjklmnpqrstvwxz2456789]{5}"));
  EXPECT_THAT(generated_name("web", 0), ::testing::MatchesRegex("web[bcdfghjklmnpqrstvwxz2456789]{5}"));
  EXPECT_EQ(generated_name("web-", 7), generated_name("web-", 7));
}

TEST(Names, ALongPrefixIsCutToALabel) {
  const std::string longest = std::string(57, 'a') + "-";
  EXPECT_EQ(generated_name(longest, 3).size(), 63U);
  EXPECT_EQ(generated_name(longest, 3)[57], '-');
  // The dash is behind the cut, and a dot may stand before it.
  const std::string dotted = std::string(57, 'a') + "." + std::string(100, 'b') + "-";
  EXPECT_THAT(generated_name(dotted, 3), ::testing::MatchesRegex("a{57}\\.[a-z0-9]{5}"));
  EXPECT_NE(generated_name(dotted, 3), generated_name(dotted + "c-", 3));
}

TEST(Names, OnlyANameThatIsTooLongIsRefused) {
  EXPECT_EQ(too_long_name("ReplicaSet.apps", std::string(253, 'a')), "");
  EXPECT_EQ(too_long_name("ReplicaSet.apps", std::string(254, 'a')),
            "ReplicaSet.apps \"" + std::string(254, 'a') + "\" is invalid: metadata.name: Invalid value: \"" +
                std::string(254, 'a') + "\": must be no more than 253 bytes");
}

TEST(Names, ThousandsOfAWorkloadHardlyMeet) {
  std::set<std::string> names;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    names.insert(generated_name("web-hg7jwqmm7v-", i));
  }
  EXPECT_GE(names.size(), 4990U);  // of 14 million
}

TEST(Names, TheTemplateHashFollowsTheTemplate) {
  const nlohmann::json one = {{"spec", {{"image", "a"}}}};
  const nlohmann::json two = {{"spec", {{"image", "b"}}}};
  EXPECT_EQ(template_hash(one, 0), template_hash(one, 0));
  EXPECT_NE(template_hash(one, 0), template_hash(two, 0));
  EXPECT_NE(template_hash(one, 0), template_hash(one, 1));
  EXPECT_EQ(template_hash(one, 0).size(), 10U);
}

}  // namespace
}  // namespace labctl::objects
