#include "labctl/report/text/error_text.hpp"

#include "topology/base/printable.hpp"

#include <ostream>
#include <string>

namespace labctl::report {
namespace {

// Lines after the first stand below it, so that none passes for a message of its own.
std::string indented(std::string_view text) {
  std::string lines = printable(text);
  for (size_t at = lines.find('\n'); at != std::string::npos; at = lines.find('\n', at + 1)) {
    lines.insert(at + 1, "    ");
  }
  return lines;
}

}  // namespace

void print_message(std::ostream& out, std::string_view heading, std::string_view message,
                   std::string_view hint, const Palette& palette) {
  out << heading << indented(message) << '\n';
  if (!hint.empty()) {
    out << "  " << palette.note("hint:") << ' ' << indented(hint) << '\n';
  }
}

void print_error(std::ostream& out, std::string_view message, std::string_view hint, const Palette& palette) {
  print_message(out, palette.bad("error:") + " ", message, hint, palette);
}

void print_error(std::ostream& out, const Error& error, const Palette& palette) {
  print_error(out, error.message(), error.hint(), palette);
}

void print_diagnostics(std::ostream& out, const std::vector<Diagnostic>& diagnostics,
                       const Palette& palette) {
  for (const Diagnostic& diagnostic : diagnostics) {
    std::string text = to_string(diagnostic);
    const bool is_error = diagnostic.severity == Severity::Error;
    const std::string word = is_error ? ": error: " : ": warning: ";
    if (const size_t at = text.find(word); palette.enabled() && at != std::string::npos) {
      const std::string plain = word.substr(2, word.size() - 3);
      text.replace(at + 2, plain.size(), is_error ? palette.bad(plain) : palette.warn(plain));
    }
    out << text << '\n';
  }
}

}  // namespace labctl::report
