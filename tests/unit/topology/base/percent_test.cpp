#include "topology/base/percent.hpp"

#include <gtest/gtest.h>

#include <string>

namespace labctl {
namespace {

TEST(Percent, EncodesAndDecodesEveryByte) {
  std::string all;
  for (int c = 0; c < 256; ++c) {
    all += static_cast<char>(c);
  }
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("a-b.c_d~e /\xe9"), "a-b.c_d~e%20%2F%E9");
}

TEST(Percent, APlusIsASpaceOnlyWhereItIsSaid) {
  EXPECT_EQ(percent_decode("a+b%2B"), "a+b+");
  EXPECT_EQ(percent_decode("a+b%2B", Plus::IsSpace), "a b+");
}

TEST(Percent, RefusesBrokenEscapes) {
  for (const char* text : {"%", "%4", "%g0", "%0g", "%-1", "%+1", "% 1", "a%", "%41%4"}) {
    EXPECT_FALSE(percent_decode(text)) << text;
  }
}

}  // namespace
}  // namespace labctl
