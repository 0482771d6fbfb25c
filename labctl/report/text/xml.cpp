#include "labctl/report/text/xml.hpp"

#include "topology/base/printable.hpp"

#include <algorithm>

namespace labctl::report {
namespace {

// Length of the well-formed UTF-8 sequence at the front that XML 1.0 §2.2 allows and that shows, or 0.
size_t xml_char_length(std::string_view text) {
  const size_t length = utf8_length(text);
  const std::string_view sequence = text.substr(0, length);
  if (sequence == "\t" || sequence == "\n" || sequence == "\r") {
    return 1;
  }
  return length == 0 || is_unseen(sequence) ? 0 : length;
}

}  // namespace

std::string xml(std::string_view text) {
  std::string out;
  const std::string_view whole = text;
  size_t command = find_ci_command(whole);
  while (!text.empty()) {
    if (const size_t at = whole.size() - text.size(); at == command) {
      out += "&#" + std::to_string(static_cast<int>(text.front())) + ";";  // the same text for who reads XML
      text.remove_prefix(1);
      const size_t next = find_ci_command(text, false);
      command = next == std::string_view::npos ? next : at + 1 + next;
      continue;
    }
    const size_t length = xml_char_length(text);
    if (length == 0) {
      const std::string_view sequence = text.substr(0, std::max<size_t>(utf8_length(text), 1));
      out += escaped(sequence);
      text.remove_prefix(sequence.size());
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
