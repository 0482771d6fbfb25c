#pragma once

// What a probe speaks, as `--proto` names it.

#include <cstdint>
#include <optional>
#include <string_view>

namespace labctl::protocol {

enum class ProbeProtocol : std::uint8_t { Tcp, Udp, Sctp, Icmp, Http, Dns };

// "tcp", "udp", "sctp", "icmp", "http", "dns".
std::string_view to_string(ProbeProtocol protocol) noexcept;
// Case does not matter, so that Kubernetes' "TCP" is understood too.
std::optional<ProbeProtocol> parse_probe_protocol(std::string_view text) noexcept;

}  // namespace labctl::protocol
