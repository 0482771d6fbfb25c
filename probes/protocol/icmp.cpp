#include "probes/protocol/icmp.hpp"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <cstring>

namespace labctl::protocol {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kHeader = 8;

void put16(std::uint8_t* out, std::uint16_t value) noexcept {
  out[0] = static_cast<std::uint8_t>(value >> 8);
  out[1] = static_cast<std::uint8_t>(value);
}

std::uint16_t get16(const std::uint8_t* in) noexcept {
  return static_cast<std::uint16_t>(in[0] << 8 | in[1]);
}

// RFC 1071, for an even number of bytes.
std::uint16_t checksum(Bytes bytes) noexcept {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    sum += get16(&bytes[i]);
  }
  while (sum >> 16 != 0) {
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(~sum);
}

// What follows the IPv4 header if the packet carries `protocol` and is no later fragment; else empty.
Bytes ipv4_payload(Bytes packet, std::uint8_t protocol) noexcept {
  if (packet.size() < 20 || packet[0] >> 4 != 4 || packet[9] != protocol ||
      (get16(&packet[6]) & 0x1fff) != 0) {
    return {};
  }
  const std::size_t length = static_cast<std::size_t>(packet[0] & 0xf) * 4;
  return length < 20 || length > packet.size() ? Bytes() : packet.subspan(length);
}

// What follows the fixed IPv6 header. We send no extension headers, so none are to be skipped.
Bytes ipv6_payload(Bytes packet, std::uint8_t protocol) noexcept {
  return packet.size() < 40 || packet[0] >> 4 != 6 || packet[6] != protocol ? Bytes() : packet.subspan(40);
}

void read_echo(Bytes message, IcmpMessage& out) noexcept {
  out.identifier = get16(&message[4]);
  out.sequence = get16(&message[6]);
  if (message.size() >= kIcmpEchoSize) {
    std::uint64_t token = 0;
    std::memcpy(&token, &message[kHeader], sizeof token);
    out.token = token;
  }
}

}  // namespace

std::array<std::uint8_t, kIcmpEchoSize> encode_icmp_echo(Family family, const IcmpEcho& echo) noexcept {
  std::array<std::uint8_t, kIcmpEchoSize> out{};
  out[0] = family == Family::IPv4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
  put16(&out[4], echo.identifier);
  put16(&out[6], echo.sequence);
  std::memcpy(&out[kHeader], &echo.token, sizeof echo.token);
  if (family == Family::IPv4) {
    put16(&out[2], checksum(out));
  }
  return out;
}

std::optional<IcmpMessage> parse_icmp(Family family, Bytes packet) noexcept {
  const bool v4 = family == Family::IPv4;
  const Bytes message = v4 ? ipv4_payload(packet, IPPROTO_ICMP) : packet;
  if (message.size() < kHeader) {
    return std::nullopt;
  }
  IcmpMessage out;
  out.type = message[0];
  out.code = message[1];
  if (out.type == (v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY)) {
    out.outcome = probes::Outcome::Ok;
    read_echo(message, out);
    return out;
  }
  out.outcome = probes::outcome_of_icmp(family, out.type, out.code);
  if (out.outcome == probes::Outcome::Inconclusive) {
    return std::nullopt;
  }
  const Bytes quoted = v4 ? ipv4_payload(message.subspan(kHeader), IPPROTO_ICMP)
                          : ipv6_payload(message.subspan(kHeader), IPPROTO_ICMPV6);
  if (quoted.size() < kHeader || quoted[0] != (v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST)) {
    return std::nullopt;
  }
  read_echo(quoted, out);
  return out;
}

}  // namespace labctl::protocol
