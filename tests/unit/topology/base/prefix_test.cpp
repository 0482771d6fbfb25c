#include "tests/support/addresses.hpp"
#include "topology/base/ip_address.hpp"

#include <gtest/gtest.h>

namespace labctl {
namespace {

TEST(Prefix, ParseClearsHostBitsUnlessStrict) {
  EXPECT_EQ(to_string(prefix("10.244.3.1/16")), "10.244.0.0/16");
  EXPECT_FALSE(Prefix::parse("10.244.3.1/16", true));
  EXPECT_TRUE(Prefix::parse("10.244.0.0/16", true));
  EXPECT_EQ(to_string(prefix("2001:db8::1/57")), "2001:db8::/57");
}

TEST(Prefix, RefusesWhatIsNone) {
  for (const char* text : {"", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8 ",
                           "10.0.0.0/0x8", "::/129", "/8", "ten/8", "10.0.0.0/8/8"}) {
    EXPECT_FALSE(Prefix::parse(text)) << text;
  }
}

TEST(Prefix, TakesTheWholeRangeOfLengths) {
  EXPECT_EQ(prefix("0.0.0.0/0").size(), std::uint64_t{1} << 32);
  EXPECT_EQ(prefix("10.0.0.1/32").size(), 1u);
  EXPECT_EQ(prefix("::1/128").size(), 1u);
}

TEST(Prefix, SizeSaturates) {
  EXPECT_EQ(prefix("::/0").size(), std::uint64_t{1} << 63);
  EXPECT_EQ(prefix("2001:db8::/65").size(), std::uint64_t{1} << 63);
  EXPECT_EQ(prefix("2001:db8::/66").size(), std::uint64_t{1} << 62);
}

TEST(Prefix, ContainsItsEdgesAndNoOtherFamily) {
  EXPECT_TRUE(prefix("10.244.0.0/16").contains(ip("10.244.0.0")));
  EXPECT_TRUE(prefix("10.244.0.0/16").contains(ip("10.244.255.255")));
  EXPECT_FALSE(prefix("10.244.0.0/16").contains(ip("10.245.0.0")));
  EXPECT_FALSE(prefix("0.0.0.0/0").contains(ip("::1")));
  EXPECT_TRUE(prefix("fd00::/9").contains(ip("fd7f::1")));
}

TEST(Prefix, OverlapIsSymmetric) {
  EXPECT_TRUE(prefix("10.0.0.0/8").overlaps(prefix("10.96.0.0/12")));
  EXPECT_TRUE(prefix("10.96.0.0/12").overlaps(prefix("10.0.0.0/8")));
  EXPECT_FALSE(prefix("10.96.0.0/16").overlaps(prefix("10.97.0.0/16")));
  EXPECT_FALSE(prefix("0.0.0.0/0").overlaps(prefix("::/0")));
}

TEST(Prefix, SubnetCountsFromZero) {
  EXPECT_EQ(prefix("10.244.0.0/16").subnet(24, 0), prefix("10.244.0.0/24"));
  EXPECT_EQ(prefix("10.244.0.0/16").subnet(24, 255), prefix("10.244.255.0/24"));
  EXPECT_FALSE(prefix("10.244.0.0/16").subnet(24, 256));
  EXPECT_EQ(prefix("10.0.0.0/8").subnet(27, 9), prefix("10.0.1.32/27"));
  EXPECT_EQ(prefix("fd00:10:244::/56").subnet(64, 3), prefix("fd00:10:244:3::/64"));
  EXPECT_EQ(prefix("10.0.0.0/24").subnet(24, 0), prefix("10.0.0.0/24"));
  EXPECT_FALSE(prefix("10.0.0.0/24").subnet(24, 1));
}

TEST(Prefix, SubnetOfAWideRangeTakesAnyNumber) {
  EXPECT_EQ(prefix("::/0").subnet(128, 0xffffffffffffffff), prefix("::ffff:ffff:ffff:ffff/128"));
}

TEST(Prefix, HostBitsCountDownFromTheFamily) {
  EXPECT_EQ(prefix("10.0.0.0/24").host_bits(), 8);
  EXPECT_EQ(prefix("fd00::/64").host_bits(), 64);
}

}  // namespace
}  // namespace labctl
