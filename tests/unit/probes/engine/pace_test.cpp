#include "probes/engine/pace.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace labctl::engine {
namespace {

using std::chrono::milliseconds;

constexpr Pace::Bucket kBucket = 7;

class PaceTest : public testing::Test {
 protected:
  void fill() {
    for (std::uint32_t i = 0; i < Pace::kMost; ++i) {
      ASSERT_TRUE(pace_->admits(kBucket, start_));
      pace_->begin(kBucket, start_);
    }
  }
  std::unique_ptr<Pace> pace_ = std::make_unique<Pace>();
  Pace::Time start_{std::chrono::hours(1)};
};

TEST_F(PaceTest, HoldsBackWhatIsTooMany) {
  fill();
  EXPECT_TRUE(pace_->is_full(kBucket));
  EXPECT_FALSE(pace_->admits(kBucket, start_));
  EXPECT_EQ(pace_->held_until(kBucket), start_ + Pace::kWindow);
}

TEST_F(PaceTest, AnAnswerMakesRoomForOne) {
  fill();
  pace_->end(kBucket);
  EXPECT_TRUE(pace_->admits(kBucket, start_));
  pace_->begin(kBucket, start_);
  EXPECT_FALSE(pace_->admits(kBucket, start_));
}

TEST_F(PaceTest, TheUnansweredAreForgottenAfterAWhile) {
  fill();
  EXPECT_FALSE(pace_->admits(kBucket, start_ + Pace::kWindow - milliseconds(1)));
  EXPECT_TRUE(pace_->admits(kBucket, start_ + Pace::kWindow));
  EXPECT_FALSE(pace_->is_full(kBucket));
}

TEST_F(PaceTest, AnswersAfterThatDoNotCountBelowNone) {
  pace_->end(kBucket);
  pace_->end(kBucket);
  fill();
  EXPECT_FALSE(pace_->admits(kBucket, start_));
}

TEST_F(PaceTest, OtherDestinationsAreNotHeldBack) {
  fill();
  EXPECT_TRUE(pace_->admits(kBucket + 1, start_));
}

TEST_F(PaceTest, PortsAndAddressesTellDestinationsApart) {
  const IpAddress a = *IpAddress::parse("10.0.0.1");
  const IpAddress b = *IpAddress::parse("10.0.0.2");
  EXPECT_EQ(Pace::bucket_of(a, 80), Pace::bucket_of(a, 80));
  EXPECT_NE(Pace::bucket_of(a, 80), Pace::bucket_of(a, 81));
  EXPECT_NE(Pace::bucket_of(a, 80), Pace::bucket_of(b, 80));
}

}  // namespace
}  // namespace labctl::engine
