#include "topology/base/printable.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

namespace labctl {
namespace {

struct Range {
  std::uint32_t first, last;
};

// Cc, Cf, Zl and Zp of the Unicode Character Database, fillers that show nothing, and what is no character
// at all; of the last neither XML nor YAML takes U+FFFE and U+FFFF.
constexpr std::array<Range, 18> kUnseen{{{0x0000, 0x001f},
                                         {0x007f, 0x009f},
                                         {0x00ad, 0x00ad},
                                         {0x034f, 0x034f},
                                         {0x0600, 0x0605},
                                         {0x061c, 0x061c},
                                         {0x06dd, 0x06dd},
                                         {0x070f, 0x070f},
                                         {0x115f, 0x1160},
                                         {0x180b, 0x180f},
                                         {0x200b, 0x200f},
                                         {0x2028, 0x202e},
                                         {0x2060, 0x206f},
                                         {0x3164, 0x3164},
                                         {0xfdd0, 0xfdef},
                                         {0xfeff, 0xfeff},
                                         {0xfff9, 0xfffb},
                                         {0xe0000, 0xe0fff}}};

// What .NET's TrimStart takes away before it looks for "::".
constexpr std::array<Range, 8> kBlank{{{0x0009, 0x000d},
                                       {0x0020, 0x0020},
                                       {0x0085, 0x0085},
                                       {0x00a0, 0x00a0},
                                       {0x1680, 0x1680},
                                       {0x2000, 0x200a},
                                       {0x2028, 0x205f},
                                       {0x3000, 0x3000}}};

template <size_t N>
bool is_in(const std::array<Range, N>& ranges, std::uint32_t point) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& range) { return point >= range.first && point <= range.last; });
}

std::uint32_t code_point(std::string_view sequence) {
  const auto byte = [&](size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(sequence[i]));
  };
  if (sequence.size() == 1) {
    return byte(0);
  }
  std::uint32_t point = byte(0) & (0x7fU >> sequence.size());
  for (size_t i = 1; i < sequence.size(); ++i) {
    point = (point << 6U) | (byte(i) & 0x3fU);
  }
  return point;
}

std::string_view first_sequence(std::string_view text) {
  return text.substr(0, std::max<size_t>(utf8_length(text), 1));
}

// Behind what TrimStart takes away.
size_t skip_blanks(std::string_view line) {
  size_t at = 0;
  while (at < line.size()) {
    const std::string_view sequence = first_sequence(line.substr(at));
    if (utf8_length(sequence) == 0 || !is_in(kBlank, code_point(sequence))) {
      break;
    }
    at += sequence.size();
  }
  return at;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Appends one line, which begins the line it is printed in.
void append_line(std::string& out, std::string_view line) {
  size_t command = find_ci_command(line);
  for (size_t at = 0; at < line.size();) {
    const std::string_view sequence = first_sequence(line.substr(at));
    if (at == command) {
      out += escaped(sequence);
      const size_t next = find_ci_command(line.substr(at + 1), false);
      command = next == std::string_view::npos ? next : at + 1 + next;
    } else if (sequence == "\t" || (utf8_length(sequence) > 0 && !is_unseen(sequence))) {
      out += sequence;
    } else {
      out += escaped(sequence);
    }
    at += sequence.size();
  }
}

}  // namespace

size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&](size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const unsigned first = byte(0);
  if (text.empty()) {
    return 0;
  }
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

bool is_unseen(std::string_view sequence) {
  const std::uint32_t point = code_point(sequence);
  return is_in(kUnseen, point) ||
         (point & 0xfffeU) == 0xfffeU;  // the last two of every plane are no characters
}

std::string escaped(std::string_view sequence) {
  const std::uint32_t point = code_point(sequence);
  const char* format = point < 0x100 ? "\\x%02x" : point < 0x10000 ? "\\u%04x" : "\\U%08x";
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), format, point);
  return text.data();
}

size_t find_ci_command(std::string_view line, bool at_start) {
  if (at_start) {
    const size_t begin = skip_blanks(line);
    if (line.substr(begin).starts_with("::") && line.find("::", begin + 2) != std::string_view::npos) {
      return begin;
    }
  }
  for (size_t at = line.find("##"); at != std::string_view::npos; at = line.find("##", at + 1)) {
    size_t end = at + 2;
    while (end < line.size() && is_letter(line[end])) {
      ++end;
    }
    if (end < line.size() && line[end] == '[') {
      return end;
    }
  }
  return std::string_view::npos;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (;;) {
    const size_t end = text.find('\n');
    append_line(out, text.substr(0, end));
    if (end == std::string_view::npos) {
      return out;
    }
    out += '\n';
    text.remove_prefix(end + 1);
  }
}

std::string printable_line(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  std::string out;
  out.reserve(line.size());
  append_line(out, line);
  return out;
}

}  // namespace labctl
