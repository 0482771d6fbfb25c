#include "labctl/nameserver/patience.hpp"

#include <gtest/gtest.h>

namespace labctl::nameserver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Patience::Time kStart{seconds(1'000)};

TEST(Patience, IsOverWhenItsTimeHasPassed) {
  Patience patience(milliseconds(300), kStart);
  EXPECT_FALSE(patience.is_over(kStart + milliseconds(100)));
  EXPECT_FALSE(patience.is_over(kStart + milliseconds(200)));
  EXPECT_TRUE(patience.is_over(kStart + milliseconds(300)));
}

TEST(Patience, AJumpCountsAsOneLook) {
  Patience patience(milliseconds(300), kStart);
  EXPECT_FALSE(patience.is_over(kStart + seconds(63)));
  EXPECT_FALSE(patience.is_over(kStart + seconds(126)));
  EXPECT_TRUE(patience.is_over(kStart + seconds(189)));
}

TEST(Patience, WithoutAnyIsOverAtOnce) {
  Patience patience(milliseconds(0), kStart);
  EXPECT_TRUE(patience.is_over(kStart));
}

}  // namespace
}  // namespace labctl::nameserver
