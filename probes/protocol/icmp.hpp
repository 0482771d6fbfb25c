#pragma once

// ICMP and ICMPv6 echo on raw sockets: RFC 792, RFC 4443, raw(7), icmp6(7). A raw socket sees every ICMP
// message of its namespace, so replies are told apart by identifier, sequence number and a token in the data.
// Errors quote the packet they are about; identifier and sequence number are within what every router quotes.

#include "probes/outcome/outcome.hpp"
#include "topology/base/ip_address.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace labctl::protocol {

// Eight bytes of header, eight of token.
inline constexpr std::size_t kIcmpEchoSize = 16;

struct IcmpEcho {
  std::uint16_t identifier = 0;
  std::uint16_t sequence = 0;
  std::uint64_t token = 0;
  bool operator==(const IcmpEcho&) const = default;
};

// An echo request. The IPv4 checksum is filled in; for IPv6 the kernel does it on raw sockets.
std::array<std::uint8_t, kIcmpEchoSize> encode_icmp_echo(Family family, const IcmpEcho& echo) noexcept;

struct IcmpMessage {
  probes::Outcome outcome = probes::Outcome::Inconclusive;  // ok for an echo reply, else what the error says
  std::uint16_t identifier = 0;                             // of our request, in both cases
  std::uint16_t sequence = 0;
  std::optional<std::uint64_t> token;  // nothing if the message or the quote ended before it
  std::uint8_t type = 0;
  std::uint8_t code = 0;
};

// What a raw socket received: for IPv4 the packet with its IP header, for IPv6 the message alone. Nothing for
// anything but an echo reply or an error about an echo request. Any bytes.
std::optional<IcmpMessage> parse_icmp(Family family, std::span<const std::uint8_t> packet) noexcept;

}  // namespace labctl::protocol
