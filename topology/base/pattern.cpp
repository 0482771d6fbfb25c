#include "topology/base/pattern.hpp"

#include "topology/base/error.hpp"
#include "topology/base/printable.hpp"

#include <re2/re2.h>
#include <re2/stringpiece.h>

namespace labctl {
namespace {

// Nobody matches output with a longer one.
constexpr size_t kPatternMax = 500;
constexpr const char* kLinear = "the syntax is that of RE2, which matches in linear time";

// What RE2 reads. Newer releases take a string_view of abseil's, which need not be the standard's.
re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

std::unique_ptr<re2::RE2> compile(std::string_view text) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  return std::make_unique<re2::RE2>(piece(text), options);
}

// A class that begins with its own end is any character or none in ECMAScript, and goes
// on to the next bracket everywhere else.
bool has_class_of_nothing(std::string_view text) {
  bool in_class = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (in_class) {
      in_class = text[i] != ']';
    } else if (text[i] == '[') {
      const size_t first = i + (text.substr(i + 1).starts_with('^') ? 2 : 1);
      if (text.substr(first).starts_with(']')) {
        return true;
      }
      in_class = true;
      i = first - 1;
    }
  }
  return false;
}

PatternFault fault_in(std::string_view text, std::string why, std::string hint = {}) {
  return {"\"" + printable_line(text) + "\" is no regular expression: " + std::move(why), std::move(hint)};
}

std::optional<PatternFault> fault_of_compiled(std::string_view text, const re2::RE2& compiled) {
  if (compiled.ok()) {
    return std::nullopt;
  }
  const std::string& what = compiled.error_arg();
  const std::string why = compiled.error() + (compiled.error().ends_with(what) ? "" : ": " + what);
  switch (compiled.error_code()) {
    case re2::RE2::ErrorBadPerlOp:
    case re2::RE2::ErrorBadNamedCapture:
      for (const std::string_view around : {"(?=", "(?!", "(?<=", "(?<!"}) {
        if (what.starts_with(around.substr(0, 3)) && text.find(around) != std::string_view::npos) {
          return fault_in(text, "lookaround, " + std::string(around) + "...), is not supported", kLinear);
        }
      }
      return fault_in(text, why, what.starts_with("(?<") ? "a named group is (?P<name>...)" : kLinear);
    case re2::RE2::ErrorBadEscape:
      if (what.size() >= 2 && ((what[1] >= '1' && what[1] <= '9') || what[1] == 'k')) {
        return fault_in(text, "backreferences, " + what + ", are not supported", kLinear);
      }
      return fault_in(text, why, "the syntax is that of RE2: a character is \\x{263a} by its number");
    case re2::RE2::ErrorPatternTooLarge:
      return fault_in(text, "it repeats too much", "such as {1000} within {1000}");
    case re2::RE2::ErrorMissingParen:
    case re2::RE2::ErrorUnexpectedParen:
    case re2::RE2::ErrorMissingBracket:
      return fault_in(text, why, "write \\\\ before a bracket that stands for itself");
    default:
      break;
  }
  return fault_in(text, why);
}

std::optional<PatternFault> fault_before_compiling(std::string_view text) {
  if (text.size() > kPatternMax) {
    return PatternFault{"a pattern has at most " + std::to_string(kPatternMax) + " characters", {}};
  }
  if (has_class_of_nothing(text)) {
    return fault_in(text, "a class [] or [^] of nothing",
                    "any character, a newline too, is (?s:.); a bracket within a class is \\]");
  }
  return std::nullopt;
}

}  // namespace

std::optional<PatternFault> Pattern::fault_of(std::string_view text) {
  if (auto fault = fault_before_compiling(text)) {
    return fault;
  }
  return fault_of_compiled(text, *compile(text));
}

Pattern::Pattern(std::string_view text) {
  std::optional<PatternFault> fault = fault_before_compiling(text);
  if (!fault) {
    compiled_ = compile(text);
    fault = fault_of_compiled(text, *compiled_);
  }
  if (fault) {
    throw Error(ErrorKind::InvalidInput, fault->message, fault->hint);
  }
}

Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

bool Pattern::is_found_in(std::string_view text) const {
  return re2::RE2::PartialMatch(piece(text), *compiled_);
}

}  // namespace labctl
