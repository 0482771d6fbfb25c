#pragma once

// Percent-encoding, RFC 3986 §2.1.

#include <optional>
#include <string>
#include <string_view>

namespace labctl {

// Everything but unreserved characters becomes %XX.
std::string percent_encode(std::string_view text);

enum class Plus { IsItself, IsSpace };  // a space in queries alone
// Nothing for a broken escape.
std::optional<std::string> percent_decode(std::string_view text, Plus plus = Plus::IsItself);

}  // namespace labctl
