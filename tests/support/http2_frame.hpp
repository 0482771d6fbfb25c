#pragma once

// Frames of HTTP/2 written by hand, for what no library would send.

#include <cstddef>
#include <cstdint>
#include <string>

namespace labctl::support {

// A frame of HTTP/2, RFC 9113 §4.1.
inline std::string http2_frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                               const std::string& payload) {
  std::string out;
  for (const std::size_t byte : {payload.size() >> 16, payload.size() >> 8, payload.size()}) {
    out += static_cast<char>(byte);
  }
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  for (const std::uint32_t byte : {stream >> 24, stream >> 16, stream >> 8, stream}) {
    out += static_cast<char>(byte);
  }
  return out + payload;
}

}  // namespace labctl::support
