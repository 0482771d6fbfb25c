// In a file of its own, since g++ 12 warns about the standard library's <regex> (GCC bug 105562).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "topology/manifest/findings.hpp"
#include "topology/manifest/text_format.hpp"

#include <regex>
#include <string>

namespace labctl::manifest {
namespace {

// std::regex recurses on its pattern; nobody matches output with a longer one.
constexpr size_t kPatternMax = 500;

}  // namespace

std::optional<Complaint> check_pattern(std::string_view text) {
  if (text.size() > kPatternMax) {
    return Complaint{"a pattern has at most " + std::to_string(kPatternMax) + " characters", {}};
  }
  try {
    const std::regex compiled{std::string(text), std::regex::ECMAScript};
    return std::nullopt;
  } catch (const std::regex_error&) {
    return Complaint{in_quotes(text) + " is no regular expression",
                     "write \\\\ before a bracket that stands for itself"};
  }
}

}  // namespace labctl::manifest
