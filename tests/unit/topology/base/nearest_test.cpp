#include "topology/base/nearest.hpp"

#include <gtest/gtest.h>

#include <array>

namespace labctl::api {
namespace {

constexpr std::array<std::string_view, 5> kWords{"describe", "delete", "doctor", "up", "down"};

TEST(Nearest, FindsWordsWithALetterWrongMissingOrSwapped) {
  EXPECT_EQ(nearest("delte", kWords), "delete");
  EXPECT_EQ(nearest("docter", kWords), "doctor");
  EXPECT_EQ(nearest("donw", kWords), "down");
}

TEST(Nearest, FindsWordsByTheirBeginning) { EXPECT_EQ(nearest("desc", kWords), "describe"); }

TEST(Nearest, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(nearest("frobnicate", kWords), "");
  EXPECT_EQ(nearest("", kWords), "");
  EXPECT_EQ(nearest(std::string(100'000, 'a'), kWords), "");
}

}  // namespace
}  // namespace labctl::api
