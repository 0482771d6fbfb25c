#include "topology/base/diagnostic.hpp"

#include "topology/base/printable.hpp"

#include <algorithm>

namespace labctl {

std::string to_string(const Diagnostic& diagnostic) {
  std::string text = printable_line(diagnostic.where.file);
  if (diagnostic.where.line > 0) {
    text += ":" + std::to_string(diagnostic.where.line) + ":" + std::to_string(diagnostic.where.column);
  }
  text += diagnostic.severity == Severity::Error ? ": error: " : ": warning: ";
  if (!diagnostic.path.empty()) {
    text += printable_line(diagnostic.path) + ": ";
  }
  text += printable_line(diagnostic.message);
  if (!diagnostic.hint.empty()) {
    text += "\n  hint: " + printable_line(diagnostic.hint);
  }
  return text;
}

bool has_errors(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::Error; });
}

}  // namespace labctl
