#include "labctl/commands/boot_input.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace labctl::commands {
namespace {

TEST(LabName, ComesFromTheFileOrFolder) {
  EXPECT_EQ(name_from_path("/nonexistent/shop.yaml"), "shop");
  EXPECT_EQ(name_from_path("/nonexistent/Shop_v2.test.yaml"), "shop-v2-test");
  EXPECT_EQ(name_from_path("/nonexistent/shop/lab.yaml"), "shop");
  EXPECT_EQ(name_from_path("/tmp/"), "tmp");
  EXPECT_EQ(name_from_path("-"), "lab");
  EXPECT_EQ(name_from_path("/nonexistent/___.yaml"), "lab");
}

TEST(LabName, IsAlwaysADnsLabel) {
  EXPECT_EQ(name_from_path("/nonexistent/" + std::string(100, 'a') + ".yaml").size(), 63U);
  EXPECT_EQ(name_from_path("/nonexistent/-a-.yaml"), "a");
  EXPECT_EQ(name_from_path("/nonexistent/grüße.yaml"), "gr-e");
}

}  // namespace
}  // namespace labctl::commands
