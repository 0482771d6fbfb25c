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

TEST(Age, OfATimestampThatIsNoneIsUnknown) {
  const std::chrono::system_clock::time_point now{1767323045s};
  EXPECT_EQ(age_since("2026-01-02T03:03:05.250Z", now), "59s");
  EXPECT_EQ(age_since("", now), "<unknown>");
  EXPECT_EQ(age_since("yesterday", now), "<unknown>");
  EXPECT_EQ(age_since("2026-01-02T03:04:05", now), "<unknown>");
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
