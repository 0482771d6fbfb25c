#pragma once

// Who answered a probe and what it saw, as the built-in server says it in words.

#include "topology/base/ip_address.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace labctl::protocol {

// `backend` points into the text that was parsed.
struct Identity {
  std::string_view backend;  // "pod/default/web-0"
  IpAddress source;          // the prober, as the server saw it
  std::uint16_t source_port = 0;
};

// "10.244.1.2:40312" or "[2001:db8::2]:40312".
std::optional<std::pair<IpAddress, std::uint16_t>> parse_socket_address(std::string_view text) noexcept;

// "<pod id> <ip:port>", the two separated by blanks or a line end. The id has the form of a vantage: a kind,
// a slash and a name, printable and at most 512 bytes. Nothing for any other text: it comes off the wire.
std::optional<Identity> parse_identity(std::string_view text) noexcept;

}  // namespace labctl::protocol
