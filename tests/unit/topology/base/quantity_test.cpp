#include "topology/base/quantity.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <utility>

namespace labctl {
namespace {

TEST(Quantity, InThousandths) {
  for (const auto& [text, value] :
       {std::pair("2", 2000), std::pair("500m", 500), std::pair("0.5", 500), std::pair(".5", 500),
        std::pair("1.", 1000), std::pair("1u", 1), std::pair("-1500m", -1500), std::pair("2e3", 2000000),
        std::pair("1E-1", 100)}) {
    EXPECT_EQ(parse_milli_quantity(text), value) << text;
  }
}

TEST(Quantity, InWholeUnitsRoundedUp) {
  for (const auto& [text, value] :
       {std::pair("64Mi", std::int64_t{64} << 20), std::pair("1Ki", std::int64_t{1024}),
        std::pair("1.5Gi", std::int64_t{3} << 29), std::pair("500m", std::int64_t{1}),
        std::pair("10G", std::int64_t{10'000'000'000}),
        std::pair("9999Ei", std::numeric_limits<std::int64_t>::max())}) {
    EXPECT_EQ(parse_quantity(text), value) << text;
  }
}

TEST(Quantity, WhatIsNoneIsNothing) {
  for (const char* text : {"", "1 core", "512MB", "Mi", "1.2.3", "1e", "1e99", "0x10", "1K", "--1", " 1"}) {
    EXPECT_EQ(parse_quantity(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace labctl
