#include "topology/base/mac_address.hpp"

#include <cstdio>

namespace labctl {

MacAddress MacAddress::derive(std::uint8_t kind, const IpAddress& address) {
  const auto& b = address.bytes();
  const size_t last = address.size();
  return MacAddress{{0x02, kind, b[last - 4], b[last - 3], b[last - 2], b[last - 1]}};
}

std::string to_string(const MacAddress& mac) {
  char text[18];
  const auto& b = mac.bytes;
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
  return text;
}

}  // namespace labctl
