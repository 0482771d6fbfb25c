#include "probes/protocol/udp.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace labctl::protocol {
namespace {

std::string probe_of(std::uint64_t token) {
  std::array<char, kUdpProbeSize> bytes{};
  encode_udp_probe(token, bytes);
  return {bytes.begin(), bytes.end()};
}

TEST(UdpProbe, IsThePrefixAndSixteenDigits) {
  EXPECT_EQ(probe_of(0x0123456789abcdef), "labctl-probe 0123456789abcdef");
  EXPECT_EQ(probe_of(1), "labctl-probe 0000000000000001");
}

TEST(UdpReply, EchoHasATokenAndNoIdentity) {
  const UdpReply reply = parse_udp_reply(probe_of(0xfedcba9876543210));
  EXPECT_EQ(reply.token, 0xfedcba9876543210);
  EXPECT_FALSE(reply.identity);
}

TEST(UdpReply, BuiltInServerSaysWhoItIs) {
  const std::string text = probe_of(7) + " pod/default/a 10.244.1.2:4031";
  const UdpReply reply = parse_udp_reply(text);
  EXPECT_EQ(reply.token, 7u);
  ASSERT_TRUE(reply.identity);
  EXPECT_EQ(reply.identity->backend, "pod/default/a");
  EXPECT_EQ(reply.identity->source_port, 4031);
}

TEST(UdpReply, OtherTextHasNothing) {
  for (const char* text :
       {"", "hello", "labctl-probe", "labctl-probe 00000000000000", "labctl-probe 000000000000000x"}) {
    EXPECT_FALSE(parse_udp_reply(text).token) << text;
  }
}

}  // namespace
}  // namespace labctl::protocol
