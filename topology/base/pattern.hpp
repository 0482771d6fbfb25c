#pragma once

// Regular expressions that users write, in the syntax of RE2 (https://github.com/google/re2/wiki/Syntax).
// Their time is linear in the text and their memory bounded, whatever the pattern: what cannot be matched so
// - backreferences and lookaround - is no pattern here.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace labctl {

struct PatternFault {
  std::string message;  // "\"(\" is no regular expression: missing ): ("
  std::string hint;     // may be empty
};

class Pattern {
 public:
  // Why it is none; nothing: it is one.
  static std::optional<PatternFault> fault_of(std::string_view text);

  // Throws Error InvalidInput.
  explicit Pattern(std::string_view text);
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;

  // Whether it matches a part of `text`, of which all is searched; ^ and $ are its ends, (?m) makes them
  // those of lines. What is no UTF-8 in the text matches nothing.
  bool is_found_in(std::string_view text) const;

 private:
  std::unique_ptr<re2::RE2> compiled_;
};

}  // namespace labctl
