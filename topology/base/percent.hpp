#pragma once

// Percent-encoding, RFC 3986 §2.1.

#include <optional>
#include <string>
#include <string_view>

namespace labctl {

// §2.3: letters, digits, and - . _ ~
bool is_unreserved(char c);
// Every byte becomes %XX but those that stay.
std::string percent_encode(std::string_view text, bool (*stays)(char) = is_unreserved);

enum class Plus { IsItself, IsSpace };  // a space in queries alone
// Nothing for a broken escape.
std::optional<std::string> percent_decode(std::string_view text, Plus plus = Plus::IsItself);

}  // namespace labctl
