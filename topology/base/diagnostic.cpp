#include "topology/base/diagnostic.hpp"

#include "topology/base/printable.hpp"

#include <algorithm>
#include <array>

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
  if (diagnostic.times > 1) {
    text += " (" + std::to_string(diagnostic.times) + " times, first here)";
  }
  if (!diagnostic.hint.empty()) {
    text += "\n  hint: " + printable_line(diagnostic.hint);
  }
  return text;
}

std::string_view to_string(Topic topic) {
  switch (topic) {
    case Topic::None:
      return "";
    case Topic::NotApplied:
      return "not-applied";
    case Topic::NoEffect:
      return "no-effect";
    case Topic::Dropped:
      return "dropped";
    case Topic::Unknown:
      return "unknown";
    case Topic::LeftOut:
      return "left-out";
    case Topic::KeptOnly:
      return "kept-only";
    case Topic::HostProgram:
      return "host-program";
    case Topic::StoodIn:
      return "stood-in";
  }
  return "";
}

Topic topic_named(std::string_view word) {
  constexpr std::array kTopics{Topic::NotApplied, Topic::NoEffect, Topic::Dropped,     Topic::Unknown,
                               Topic::LeftOut,    Topic::KeptOnly, Topic::HostProgram, Topic::StoodIn};
  const auto* found =
      std::find_if(kTopics.begin(), kTopics.end(), [&](Topic topic) { return to_string(topic) == word; });
  return found == kTopics.end() ? Topic::None : *found;
}

bool has_errors(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::Error; });
}

}  // namespace labctl
