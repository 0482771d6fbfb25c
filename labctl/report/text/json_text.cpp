#include "labctl/report/text/json_text.hpp"

#include "topology/base/printable.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string_view>

namespace labctl::report {
namespace {

// UTF-16 units of a sequence, as JSON escapes them.
std::string json_escaped(std::string_view sequence) {
  std::uint32_t point = static_cast<unsigned char>(sequence.front());
  if (sequence.size() > 1) {
    point &= 0x7fU >> sequence.size();
    for (const char c : sequence.substr(1)) {
      point = (point << 6U) | (static_cast<unsigned char>(c) & 0x3fU);
    }
  }
  char text[16];
  if (point < 0x10000) {
    std::snprintf(text, sizeof text, "\\u%04x", point);
  } else {
    std::snprintf(text, sizeof text, "\\u%04x\\u%04x", 0xd7c0U + (point >> 10U), 0xdc00U + (point & 0x3ffU));
  }
  return text;
}

}  // namespace

std::string json_text(const nlohmann::json& value, int indent) {
  const std::string dumped = value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string out;
  out.reserve(dumped.size());
  const std::string_view all = dumped;
  // Such characters, and brackets behind "##", stand only within strings.
  size_t command = find_ci_command(all, false);
  for (size_t at = 0; at < all.size();) {
    const size_t length = std::max<size_t>(utf8_length(all.substr(at)), 1);
    const std::string_view sequence = all.substr(at, length);
    if (at == command) {
      out += json_escaped(sequence);
      const size_t next = find_ci_command(all.substr(at + 1), false);
      command = next == std::string_view::npos ? next : at + 1 + next;
    } else if (sequence != "\n" && is_unseen(sequence)) {
      out += json_escaped(sequence);
    } else {
      out += sequence;
    }
    at += length;
  }
  return out;
}

}  // namespace labctl::report
