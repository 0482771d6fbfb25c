#include "topology/base/diagnostic.hpp"

#include <algorithm>
#include <cstdio>

namespace labctl {

std::string to_string(const Diagnostic& diagnostic) {
  std::string text = diagnostic.where.file;
  if (diagnostic.where.line > 0) {
    text += ":" + std::to_string(diagnostic.where.line) + ":" + std::to_string(diagnostic.where.column);
  }
  text += diagnostic.severity == Severity::Error ? ": error: " : ": warning: ";
  if (!diagnostic.path.empty()) {
    text += diagnostic.path + ": ";
  }
  text += diagnostic.message;
  if (!diagnostic.hint.empty()) {
    text += "\n  hint: " + diagnostic.hint;
  }
  return printable(text);
}

bool has_errors(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::Error; });
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    // U+0080 to U+009F, in UTF-8 two bytes, are control characters too: U+009B begins an escape sequence.
    if (byte == 0xc2 && i + 1 < text.size() && (static_cast<unsigned char>(text[i + 1]) & 0xe0) == 0x80) {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(text[++i]));
      out += escaped;
    } else if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
      out += escaped;
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace labctl
