#include "probes/protocol/probe_protocol.hpp"

#include <strings.h>

#include <array>

namespace labctl::protocol {
namespace {

// In the order of the enumerators.
constexpr std::array<std::string_view, 6> kNames{"tcp", "udp", "sctp", "icmp", "http", "dns"};

}  // namespace

std::string_view to_string(ProbeProtocol protocol) noexcept {
  return kNames[static_cast<std::size_t>(protocol)];
}

std::optional<ProbeProtocol> parse_probe_protocol(std::string_view text) noexcept {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (text.size() == kNames[i].size() && ::strncasecmp(text.data(), kNames[i].data(), text.size()) == 0) {
      return static_cast<ProbeProtocol>(i);
    }
  }
  return std::nullopt;
}

}  // namespace labctl::protocol
