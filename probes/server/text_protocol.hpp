#pragma once

// The text protocol of netexec over UDP and SCTP, and the probe datagram of our own. Pure; neither throws nor
// allocates, because probers answer datagrams themselves.

#include "probes/server/role.hpp"
#include "topology/base/ip_address.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace labctl::server {

// Who answers, and how.
struct TextService {
  std::string_view pod_id;
  std::string_view hostname;
  Service service = Service::NetexecText;
  std::string_view text;  // of FixedText
};

// "10.0.0.1:80" or "[2001:db8::1]:80", cut to fit; the length.
std::size_t write_endpoint(const IpAddress& address, std::uint16_t port, std::span<char> out) noexcept;

// Writes the answer and returns its length; 0 means that nothing is sent. Besides what the service says, any
// service answers "labctl-probe <token>" with "labctl-probe <token> <pod id> <ip:port>".
std::size_t answer_text(const TextService& service, std::string_view request, const IpAddress& client,
                        std::uint16_t client_port, std::span<char> out) noexcept;

}  // namespace labctl::server
