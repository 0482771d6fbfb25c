#pragma once

// A UDP probe: "labctl-probe <token>". The built-in server answers "labctl-probe <token> <pod id> <ip:port
// seen>"; an echo server sends the probe back; any other server may answer anything. The token ties a reply
// to its probe when many share a socket.

#include "probes/protocol/identity.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace labctl::protocol {

inline constexpr std::string_view kUdpProbePrefix = "labctl-probe ";
// The prefix and sixteen hexadecimal digits.
inline constexpr std::size_t kUdpProbeSize = kUdpProbePrefix.size() + 16;

// Writes the datagram of `token` into the first kUdpProbeSize bytes of `out`.
void encode_udp_probe(std::uint64_t token, std::span<char, kUdpProbeSize> out) noexcept;

struct UdpReply {
  std::optional<std::uint64_t> token;  // nothing: not one of our probes or an answer to it
  std::optional<Identity> identity;    // nothing: an echo, or a server that is not ours
};

// Any bytes. Also reads a probe itself, as the kernel returns it with an ICMP error. Points into `datagram`.
UdpReply parse_udp_reply(std::string_view datagram) noexcept;

}  // namespace labctl::protocol
