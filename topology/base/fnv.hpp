#pragma once

// FNV-1a, 64 bits (RFC 9923): a hash that is the same on every machine and in every run, for names and uids
// that must be. Not for hash tables that an enemy fills.

#include <cstdint>
#include <string_view>

namespace labctl {

constexpr std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  return hash;
}

}  // namespace labctl
