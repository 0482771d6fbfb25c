#include "labctl/report/xml.hpp"

#include "labctl/report/plain_text.hpp"

#include <array>
#include <cstdio>

namespace labctl::report {
namespace {

// Length of the well-formed UTF-8 sequence at the front that XML 1.0 §2.2 allows, or 0.
size_t xml_char_length(std::string_view text) {
  const size_t length = utf8_length(text);
  const std::string_view sequence = text.substr(0, length);
  if (length == 1) {
    const auto byte = static_cast<unsigned char>(text.front());
    return byte >= 0x20 || byte == '\t' || byte == '\n' || byte == '\r' ? 1 : 0;
  }
  return sequence == "\xef\xbf\xbe" || sequence == "\xef\xbf\xbf" ? 0 : length;
}

}  // namespace

std::string xml(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = xml_char_length(text);
    if (length == 0) {
      std::array<char, 5> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\x%02x", static_cast<unsigned char>(text.front()));
      out += escaped.data();
      text.remove_prefix(1);
      continue;
    }
    switch (text.front()) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "&#10;";  // attribute values would turn a bare newline into a space
        break;
      case '\r':
        out += "&#13;";
        break;
      case '\t':
        out += "&#9;";
        break;
      default:
        out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace labctl::report
