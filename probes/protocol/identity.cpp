#include "probes/protocol/identity.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace labctl::protocol {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::size_t kLongestId = 512;

std::string_view take_word(std::string_view& text) noexcept {
  const std::size_t first = std::min(text.find_first_not_of(kBlanks), text.size());
  text.remove_prefix(first);
  const std::string_view word = text.substr(0, text.find_first_of(kBlanks));
  text.remove_prefix(word.size());
  return word;
}

// As IpAddress::parse, without a string of its own: this runs for every datagram.
std::optional<IpAddress> parse_address(std::string_view text) noexcept {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size()) {
    return std::nullopt;
  }
  std::memcpy(terminated.data(), text.data(), text.size());
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET, terminated.data(), bytes.data()) == 1) {
    return IpAddress::from_bytes(Family::IPv4, bytes.data());
  }
  if (::inet_pton(AF_INET6, terminated.data(), bytes.data()) == 1) {
    return IpAddress::from_bytes(Family::IPv6, bytes.data());
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::pair<IpAddress, std::uint16_t>> parse_socket_address(std::string_view text) noexcept {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
  }
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  const auto address = parse_address(host);
  if (!address || error != std::errc() || end != port_text.data() + port_text.size() ||
      bracketed != (address->family() == Family::IPv6)) {
    return std::nullopt;
  }
  return std::pair{*address, port};
}

std::optional<Identity> parse_identity(std::string_view text) noexcept {
  const std::string_view id = take_word(text);
  const auto seen = parse_socket_address(take_word(text));
  const std::size_t slash = id.find('/');
  const bool printable = std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!seen || !printable || id.size() > kLongestId || slash == 0 || slash == std::string_view::npos ||
      slash + 1 == id.size()) {
    return std::nullopt;
  }
  return Identity{id, seen->first, seen->second};
}

}  // namespace labctl::protocol
