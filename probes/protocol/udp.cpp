#include "probes/protocol/udp.hpp"

#include <algorithm>
#include <charconv>

namespace labctl::protocol {

void encode_udp_probe(std::uint64_t token, std::span<char, kUdpProbeSize> out) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::copy(kUdpProbePrefix.begin(), kUdpProbePrefix.end(), out.begin());
  for (std::size_t i = out.size(); i-- > kUdpProbePrefix.size(); token >>= 4) {
    out[i] = kDigits[token & 0xf];
  }
}

UdpReply parse_udp_reply(std::string_view datagram) noexcept {
  UdpReply reply;
  if (datagram.size() < kUdpProbeSize || !datagram.starts_with(kUdpProbePrefix)) {
    return reply;
  }
  std::uint64_t token = 0;
  const char* digits = datagram.data() + kUdpProbePrefix.size();
  const auto [end, error] = std::from_chars(digits, datagram.data() + kUdpProbeSize, token, 16);
  if (error != std::errc() || end != datagram.data() + kUdpProbeSize) {
    return reply;
  }
  reply.token = token;
  reply.identity = parse_identity(datagram.substr(kUdpProbeSize));
  return reply;
}

}  // namespace labctl::protocol
