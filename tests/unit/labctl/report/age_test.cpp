#include "labctl/report/objects/age.hpp"

#include <gtest/gtest.h>

namespace labctl::report {
namespace {

using namespace std::chrono_literals;

TEST(Age, IsShownAsKubectlShowsIt) {
  EXPECT_EQ(format_age(0s), "0s");
  EXPECT_EQ(format_age(119s), "119s");
  EXPECT_EQ(format_age(120s), "2m");
  EXPECT_EQ(format_age(200s), "3m20s");
  EXPECT_EQ(format_age(10min), "10m");
  EXPECT_EQ(format_age(179min), "179m");
  EXPECT_EQ(format_age(3h), "3h");
  EXPECT_EQ(format_age(7h + 12min), "7h12m");
  EXPECT_EQ(format_age(47h), "47h");
  EXPECT_EQ(format_age(51h), "2d3h");
  EXPECT_EQ(format_age(24h * 300), "300d");
  EXPECT_EQ(format_age(24h * 770), "2y40d");
  EXPECT_EQ(format_age(24h * 365 * 9), "9y");
}

TEST(Age, OfATimeAheadOfUsIsZeroOnlyWhenItIsAlmostNow) {
  EXPECT_EQ(format_age(-1s), "0s");
  EXPECT_EQ(format_age(-5s), "<invalid>");
}

TEST(Time, IsReadWithAndWithoutFraction) {
  const auto whole = parse_time("2026-01-02T03:04:05Z");
  ASSERT_TRUE(whole);
  EXPECT_EQ(std::chrono::system_clock::to_time_t(*whole), 1767323045);
  EXPECT_EQ(*parse_time("2026-01-02T03:04:05.250000Z") - *whole, 250ms);
  EXPECT_FALSE(parse_time("yesterday"));
  EXPECT_FALSE(parse_time("2026-01-02T03:04:05"));
  EXPECT_FALSE(parse_time("2026-01-02T03:04:05+02:00"));
  EXPECT_EQ(age_since("", *whole), "<unknown>");
}

TEST(Elapsed, HasTheUnitThatFits) {
  EXPECT_EQ(format_elapsed(840us), "840us");
  EXPECT_EQ(format_elapsed(1500us), "1.5ms");
  EXPECT_EQ(format_elapsed(41ms), "41ms");
  EXPECT_EQ(format_elapsed(5200ms), "5.2s");
  EXPECT_EQ(format_elapsed(123s), "2m03s");
}

}  // namespace
}  // namespace labctl::report
