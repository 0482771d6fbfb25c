#include "labctl/controllers/names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

namespace labctl::controllers {
namespace {

TEST(Names, AGeneratedNameIsTheBaseAndFiveCharacters) {
  EXPECT_THAT(generated_name("web", 0), ::testing::MatchesRegex("web-[bcdfghjklmnpqrstvwxz2456789]{5}"));
  EXPECT_EQ(generated_name("web", 7), generated_name("web", 7));
}

TEST(Names, ALongBaseIsCutToALabel) {
  const std::string name = generated_name(std::string(100, 'a'), 3);
  EXPECT_EQ(name.size(), 63U);
  EXPECT_EQ(name[57], '-');
}

TEST(Names, ThousandsOfAWorkloadHardlyMeet) {
  std::set<std::string> names;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    names.insert(generated_name("web-hg7jwqmm7v", i));
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
}  // namespace labctl::controllers
