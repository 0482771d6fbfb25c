#pragma once

// A 48-bit link-layer address. Ours are locally administered (first byte 02) and derived from the address
// they stand for, so that neighbours can be permanent: we gave every one out.

#include "topology/base/ip_address.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace labctl {

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};
  auto operator<=>(const MacAddress&) const = default;

  // 02:kk:a:b:c:d, with the low 32 bits of the address. `kind` keeps apart ends that share an address space
  // (0 pods, 1 gateways, 2 nodes, 3 outside).
  static MacAddress derive(std::uint8_t kind, const IpAddress& address);
};

// "02:00:0a:f4:01:02"
std::string to_string(const MacAddress& mac);

}  // namespace labctl
