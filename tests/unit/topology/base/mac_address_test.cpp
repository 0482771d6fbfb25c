#include "topology/base/mac_address.hpp"

#include <gtest/gtest.h>

namespace labctl {
namespace {

TEST(MacAddress, IsLocallyAdministeredAndDerivedFromTheAddress) {
  EXPECT_EQ(to_string(MacAddress::derive(0, *IpAddress::parse("10.244.1.2"))), "02:00:0a:f4:01:02");
  EXPECT_EQ(to_string(MacAddress::derive(3, *IpAddress::parse("2001:db8::c0:ff:ee01:203"))),
            "02:03:ee:01:02:03");
}

TEST(MacAddress, KindsKeepEndsApart) {
  const IpAddress address = *IpAddress::parse("10.244.1.1");
  EXPECT_NE(MacAddress::derive(0, address), MacAddress::derive(1, address));
}

}  // namespace
}  // namespace labctl
