#pragma once

// What is wrong with a user's file: where, what, and how to mend it. Files give a list of these, never only
// the first. Rendered as compilers do: "lab.yaml:12:5: error: spec.nodes: must be at least 1, got 0".

#include <string>
#include <vector>

namespace labctl {

// Lines and columns count from 1; 0 means unknown.
struct SourcePosition {
  std::string file;
  int line = 0;
  int column = 0;
  bool operator==(const SourcePosition&) const = default;
};

enum class Severity { Warning, Error };

struct Diagnostic {
  Severity severity = Severity::Error;
  SourcePosition where;
  std::string path;     // the field, as in "spec.containers[0].name"; may be empty
  std::string message;  // what is wrong, no full stop
  std::string hint;     // how to mend it; may be empty
  bool operator==(const Diagnostic&) const = default;
};

// "file:line:column: error: path: message" and, if there is one, a second line "  hint: ...". No final
// newline. Control characters in any part are shown escaped: hostile input cannot move the terminal's cursor.
std::string to_string(const Diagnostic& diagnostic);

bool has_errors(const std::vector<Diagnostic>& diagnostics);

}  // namespace labctl
