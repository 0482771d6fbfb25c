#include "probes/protocol/icmp.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace labctl::protocol {
namespace {

using probes::Outcome;
using Bytes = std::vector<std::uint8_t>;

constexpr IcmpEcho kEcho{0x1234, 7, 0x1122334455667788};

// An IPv4 packet from 192.0.2.1 to 192.0.2.2 with ICMP in it.
Bytes ipv4(const Bytes& payload) {
  Bytes packet{
      0x45, 0, 0, static_cast<std::uint8_t>(20 + payload.size()), 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 1, 192,
      0,    2, 2};
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

Bytes ipv6(const Bytes& payload) {
  Bytes packet(40);
  packet[0] = 0x60;
  packet[6] = 58;
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

Bytes echo(Family family) {
  const auto bytes = encode_icmp_echo(family, kEcho);
  return {bytes.begin(), bytes.end()};
}

Bytes error(std::uint8_t type, std::uint8_t code, const Bytes& quoted) {
  Bytes message{type, code, 0, 0, 0, 0, 0, 0};
  message.insert(message.end(), quoted.begin(), quoted.end());
  return message;
}

TEST(IcmpEcho, ChecksumCoversTheMessage) {
  const Bytes bytes = echo(Family::IPv4);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  }
  sum = (sum & 0xffff) + (sum >> 16);
  EXPECT_EQ((sum & 0xffff) + (sum >> 16), 0xffffu);
}

TEST(ParseIcmp, KnowsAnEchoReply) {
  Bytes reply = echo(Family::IPv4);
  reply[0] = 0;
  const auto message = parse_icmp(Family::IPv4, ipv4(reply));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->outcome, Outcome::Ok);
  EXPECT_EQ(message->identifier, kEcho.identifier);
  EXPECT_EQ(message->sequence, kEcho.sequence);
  EXPECT_EQ(message->token, kEcho.token);
}

TEST(ParseIcmp, KnowsAnEchoReplyOfIpv6) {
  Bytes reply = echo(Family::IPv6);
  reply[0] = 129;
  const auto message = parse_icmp(Family::IPv6, reply);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->outcome, Outcome::Ok);
  EXPECT_EQ(message->token, kEcho.token);
}

TEST(ParseIcmp, ErrorsCarryTheRequestsIdentity) {
  const auto message = parse_icmp(Family::IPv4, ipv4(error(3, 13, ipv4(echo(Family::IPv4)))));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->outcome, Outcome::Prohibited);
  EXPECT_EQ(message->sequence, kEcho.sequence);
  EXPECT_EQ(message->token, kEcho.token);
  const auto six = parse_icmp(Family::IPv6, error(1, 0, ipv6(echo(Family::IPv6))));
  ASSERT_TRUE(six);
  EXPECT_EQ(six->outcome, Outcome::Unreachable);
  EXPECT_EQ(six->identifier, kEcho.identifier);
}

TEST(ParseIcmp, AQuoteOfEightBytesIsEnough) {
  Bytes quoted = ipv4(echo(Family::IPv4));
  quoted.resize(28);
  const auto message = parse_icmp(Family::IPv4, ipv4(error(3, 1, quoted)));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->sequence, kEcho.sequence);
  EXPECT_FALSE(message->token);
}

TEST(ParseIcmp, RequestsAndQuotesOfOthersAreNothing) {
  EXPECT_FALSE(parse_icmp(Family::IPv4, ipv4(echo(Family::IPv4))));
  Bytes udp = ipv4(echo(Family::IPv4));
  udp[9] = 17;
  EXPECT_FALSE(parse_icmp(Family::IPv4, ipv4(error(3, 1, udp))));
  EXPECT_FALSE(parse_icmp(Family::IPv4, udp));
}

TEST(ParseIcmp, EveryPrefixOfAMessageIsTaken) {
  const Bytes whole = ipv4(error(3, 13, ipv4(echo(Family::IPv4))));
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    parse_icmp(Family::IPv4, std::span(whole).first(size));
    parse_icmp(Family::IPv6, std::span(whole).first(size));
  }
}

TEST(ParseIcmp, AHeaderLengthBeyondThePacketIsNothing) {
  Bytes packet = ipv4(echo(Family::IPv4));
  packet[0] = 0x4f;
  packet[20] = 0;
  EXPECT_FALSE(parse_icmp(Family::IPv4, packet));
  packet[0] = 0x41;
  EXPECT_FALSE(parse_icmp(Family::IPv4, packet));
}

}  // namespace
}  // namespace labctl::protocol
