#include "topology/base/base64.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace labctl {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNone = 255;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNone);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}
constexpr std::array<std::uint8_t, 256> kValues = make_values();

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    const std::size_t digits = bytes.size() - at >= 3 ? 4 : bytes.size() - at + 1;
    for (std::size_t i = 0; i < 4; ++i) {
      text += i < digits ? kAlphabet[group >> (18 - 6 * i) & 63U] : '=';
    }
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  std::size_t digits = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      continue;
    }
    const std::uint8_t value = kValues[static_cast<unsigned char>(c)];
    const bool is_pad = c == '=';
    if ((value == kNone && !is_pad) || (padding > 0 && (!is_pad || digits == 0)) || (is_pad && digits < 2)) {
      return std::nullopt;
    }
    padding += is_pad ? 1 : 0;
    group = group << 6 | (is_pad ? 0U : value);
    if (++digits < 4) {
      continue;
    }
    for (std::size_t i = 0; i + padding < 3; ++i) {
      bytes += static_cast<char>(group >> (16 - 8 * i) & 255U);
    }
    group = 0;
    digits = 0;
  }
  return digits == 0 ? std::optional(bytes) : std::nullopt;
}

}  // namespace labctl
