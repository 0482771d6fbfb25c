#include "tests/support/host_inventory.hpp"

#include <gtest/gtest.h>

namespace labctl::support {
namespace {

TEST(HostInventory, TwoInARowAreTheSame) {
  const std::string before = host_inventory();
  const std::string after = host_inventory();
  EXPECT_EQ(difference(before, after), "");
  EXPECT_EQ(before, after);
}

TEST(HostInventory, ListsSysctlsAndMounts) {
  const std::string text = host_inventory();
  EXPECT_NE(text.find("/proc/sys/net/ipv4/ip_forward = "), std::string::npos);
  EXPECT_NE(text.find("== mounts ==\n"), std::string::npos);
  EXPECT_NE(text.find(" /proc "), std::string::npos);
}

TEST(Difference, NamesLinesThatAreGoneAndNew) {
  EXPECT_EQ(difference("a\nb\nc\n", "a\nc\nd\n"), "- b\n+ d\n");
}

TEST(Difference, OrderCounts) { EXPECT_NE(difference("a\nb\n", "b\na\n"), ""); }

}  // namespace
}  // namespace labctl::support
