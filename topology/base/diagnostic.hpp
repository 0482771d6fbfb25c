#pragma once

// What is wrong with a user's file: where, what, and how to mend it. Files give a list of these, never only
// the first. Rendered as compilers do: "lab.yaml:12:5: error: spec.nodes: must be at least 1, got 0".

#include <string>
#include <string_view>
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

// What the same is said of in many places, so that it can be counted instead.
enum class Topic {
  None,         // a mistake of its own
  NotApplied,   // a field that is understood, but not acted on yet
  NoEffect,     // a field without meaning in a lab
  Dropped,      // a field that the lab itself writes
  Unknown,      // a field that is not known
  LeftOut,      // an object of a kind that a lab does not have
  KeptOnly,     // an object that is kept and shown, and has no effect
  HostProgram,  // a field that runs a program of the host
  StoodIn,      // a field that names what a lab does not have, and has its own stand in
};

struct Diagnostic {
  Severity severity = Severity::Error;
  SourcePosition where;
  std::string path;     // the field, as in "spec.containers[0].name"; may be empty
  std::string message;  // what is wrong, no full stop
  std::string hint;     // how to mend it; may be empty
  Topic topic = Topic::None;
  std::string subject{};  // of a topic: the field's or kind's name, as in "resources"
  // Places of which the same is said, this one among them; `also` has the others, as many as there was room for.
  int times = 1;
  std::vector<SourcePosition> also{};
  bool operator==(const Diagnostic&) const = default;
};

// "file:line:column: error: path: message", with "(3 times, first here)" behind it where it is, and, if there
// is one, a second line "  hint: ...". No final newline. Control characters in any part are shown escaped:
// hostile input cannot move the terminal's cursor.
std::string to_string(const Diagnostic& diagnostic);

// "no-effect": a word for programs; empty for None.
std::string_view to_string(Topic topic);
// None for any other word.
Topic topic_named(std::string_view word);

bool has_errors(const std::vector<Diagnostic>& diagnostics);

}  // namespace labctl
