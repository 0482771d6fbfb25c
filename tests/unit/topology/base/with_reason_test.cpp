#include "topology/base/with_reason.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

namespace labctl {
namespace {

TEST(WithReason, AMessageThatBreaksOffSaysThatThereIsNone) {
  EXPECT_EQ(with_reason(""), "no reason was given");
  EXPECT_EQ(with_reason(" \n"), "no reason was given");
  EXPECT_EQ(with_reason("outside: "), "outside: no reason was given");
  EXPECT_EQ(with_reason("boot:"), "boot: no reason was given");
}

TEST(WithReason, AMessageWithOneStaysAsItIs) {
  EXPECT_EQ(with_reason("boot: out of luck"), "boot: out of luck");
  EXPECT_EQ(with_reason("no such pod"), "no such pod");
}

TEST(WithReason, NoErrorIsWithout) {
  EXPECT_EQ(Error(ErrorKind::Internal, "boot: ").message(), "boot: no reason was given");
  EXPECT_EQ(Error(ErrorKind::Internal, "").add_frame("boot").message(), "boot: no reason was given");
  EXPECT_STREQ(Error(ErrorKind::Internal, "").what(), "no reason was given");
}

}  // namespace
}  // namespace labctl
