#include "topology/manifest/yaml/json_text.hpp"

#include "topology/manifest/yaml/text_check.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <optional>

namespace labctl::manifest {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::size_t kEscape = 6;  // \ud83d

// Behind the bracket that closes the one at `at`; npos: none does.
std::size_t end_of_brackets(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = end_of_quoted(text, at);
      continue;  // npos is behind every end
    }
    ++at;
    if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return at;
    }
  }
  return std::string_view::npos;
}

// The unit of an escape \uXXXX at `at`.
std::optional<std::uint32_t> unit_at(std::string_view text, std::size_t at) {
  if (at + kEscape > text.size() || text[at] != '\\' || text[at + 1] != 'u') {
    return std::nullopt;
  }
  std::uint32_t unit = 0;
  const char* const end = text.data() + at + kEscape;
  const auto [stop, error] = std::from_chars(text.data() + at + 2, end, unit, 16);
  return error == std::errc() && stop == end ? std::optional(unit) : std::nullopt;
}

}  // namespace

std::vector<std::string_view> split_json_values(std::string_view text) {
  std::vector<std::string_view> values;
  for (std::size_t at = text.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    const std::size_t end = text[at] == '{' ? end_of_brackets(text, at) : std::string_view::npos;
    if (end == std::string_view::npos) {
      return {};
    }
    const std::size_t next = text.find_first_not_of(kBlanks, end);
    values.push_back(text.substr(at, (next == std::string_view::npos ? text.size() : end) - at));
    at = next;
  }
  return values;
}

int PairedJson::shift_at(int line, int column) const {
  const auto first = std::lower_bound(cuts.begin(), cuts.end(), std::pair(line, 0));
  const auto last = std::upper_bound(first, cuts.end(), std::pair(line, column));
  return static_cast<int>(last - first) * kShorter;
}

PairedJson join_surrogates(std::string_view text) {
  PairedJson joined;
  int line = 0;
  std::size_t line_start = 0;  // in the new text
  bool is_quoted = false;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (is_quoted && c == '\\') {
      const auto high = unit_at(text, at);
      const auto low = high ? unit_at(text, at + kEscape) : std::nullopt;
      if (low && *high >= 0xd800 && *high < 0xdc00 && *low >= 0xdc00 && *low < 0xe000) {
        char escape[16];
        std::snprintf(escape, sizeof escape, "\\U%08x",
                      0x10000 + ((*high - 0xd800) << 10U) + (*low - 0xdc00));
        joined.text += escape;
        joined.cuts.emplace_back(line, static_cast<int>(joined.text.size() - line_start));
        at += 2 * kEscape;
        continue;
      }
      joined.text += text.substr(at, 2);
      at += 2;
      continue;
    }
    is_quoted = is_quoted != (c == '"');
    joined.text += c;
    ++at;
    if (c == '\n') {
      ++line;
      line_start = joined.text.size();
    }
  }
  return joined;
}

}  // namespace labctl::manifest
