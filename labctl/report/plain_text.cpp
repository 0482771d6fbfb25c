#include "labctl/report/plain_text.hpp"

#include "labctl/report/table.hpp"

#include <array>
#include <cstdio>

namespace labctl::report {
namespace {

bool is_control(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence.front());
  // U+0080 to U+009F are control characters too, and begin escape sequences on terminals.
  return first < 0x20 || first == 0x7f || (first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0);
}

void append_hex(std::string& out, std::string_view bytes) {
  for (const char byte : bytes) {
    std::array<char, 5> escaped{};
    std::snprintf(escaped.data(), escaped.size(), "\\x%02x", static_cast<unsigned char>(byte));
    out += escaped.data();
  }
}

}  // namespace

size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&](size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) {
    return 1;
  }
  if (first >= 0xc2 && first <= 0xdf && continues(1)) {
    return 2;
  }
  if (first >= 0xe0 && first <= 0xef && continues(1) && continues(2) && !(first == 0xe0 && byte(1) < 0xa0) &&
      !(first == 0xed && byte(1) > 0x9f)) {
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4 && continues(1) && continues(2) && continues(3) &&
      !(first == 0xf0 && byte(1) < 0x90) && !(first == 0xf4 && byte(1) > 0x8f)) {
    return 4;
  }
  return 0;
}

std::string plain_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    const std::string_view sequence = text.substr(0, length == 0 ? 1 : length);
    const bool stays = sequence == "\n" || sequence == "\t" || (length > 0 && !is_control(sequence));
    if (stays) {
      out += sequence;
    } else {
      append_hex(out, sequence);
    }
    text.remove_prefix(sequence.size());
  }
  return out;
}

std::string plain_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    c = c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
  }
  return plain_text(line);
}

std::string cut_to_width(const std::string& text, size_t width) {
  if (display_width(text) <= width) {
    return text;
  }
  constexpr std::string_view kCut = "...";
  const size_t kept = width > kCut.size() ? width - kCut.size() : 0;
  std::string_view rest(text);
  for (size_t i = 0; i < kept; ++i) {
    const size_t length = utf8_length(rest);
    rest.remove_prefix(length == 0 ? 1 : length);
  }
  return text.substr(0, text.size() - rest.size()) + std::string(kCut.substr(0, width));
}

}  // namespace labctl::report
