#include "topology/base/base64.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace labctl {
namespace {

TEST(Base64, BothWays) {
  for (const auto& [plain, text] :
       {std::pair("", ""), std::pair("f", "Zg=="), std::pair("fo", "Zm8="), std::pair("foo", "Zm9v"),
        std::pair("foob", "Zm9vYg=="), std::pair("\xff\xfe\x01", "//4B")}) {
    EXPECT_EQ(to_base64(plain), text);
    EXPECT_EQ(from_base64(text), plain);
  }
}

TEST(Base64, LineBreaksAreSkipped) { EXPECT_EQ(from_base64("Zm9v\r\nYg\n==\n"), "foob"); }

TEST(Base64, OfWhatIsNoneIsNothing) {
  for (const char* text : {"Zg", "Zg=", "Z!==", "====", "Zm9v*", "Zg==Zg==", "Zg=A", "\xff\xff\xff\xff"}) {
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace labctl
