// What the layouts share.

#include "topology/ruleset/services/service_layout.hpp"
#include "tests/support/addresses.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::ruleset {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Comment, IsPrintableAndEndsNothing) {
  EXPECT_EQ(nft_comment("svc default/web:http"), "svc default/web:http");
  EXPECT_EQ(nft_comment("a\"b\\c\nd\te\x7f\xc3\xa4"), "a?b?c?d?e???");
  EXPECT_EQ(nft_comment(std::string(500, 'x')), std::string(120, 'x'));
}

TEST(Ranges, ThoseWithinOthersAreLeftOut) {
  EXPECT_THAT(without_overlaps({prefix("10.1.0.0/16"), prefix("10.0.0.0/8"), prefix("192.0.2.0/24"),
                                prefix("10.0.0.0/8"), prefix("192.0.2.1/32")}),
              ElementsAre(prefix("10.0.0.0/8"), prefix("192.0.2.0/24")));
  EXPECT_THAT(without_overlaps({prefix("192.0.2.1/32"), prefix("0.0.0.0/0")}),
              ElementsAre(prefix("0.0.0.0/0")));
  EXPECT_THAT(without_overlaps({}), IsEmpty());
}

TEST(ElementBytes, PadsEachFieldToFourBytes) {
  ElementBytes key;
  key.add_address(ip("192.0.2.1"));
  key.add_protocol(model::Protocol::Udp);
  key.add_port(53);
  const std::vector<std::byte> bytes(key.span().begin(), key.span().end());
  const unsigned char wanted[] = {192, 0, 2, 1, 17, 0, 0, 0, 0, 53, 0, 0};
  ASSERT_EQ(bytes.size(), sizeof wanted);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_EQ(std::to_integer<unsigned char>(bytes[i]), wanted[i]) << i;
  }
}

}  // namespace
}  // namespace labctl::ruleset
