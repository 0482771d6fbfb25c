#pragma once

// Text from anywhere, made fit for files that other programs parse: well-formed UTF-8 (RFC 3629) without
// control characters.

#include <string>
#include <string_view>

namespace labctl::report {

// The length in bytes of the well-formed UTF-8 sequence at the front, or 0: no surrogates, nothing overlong.
size_t utf8_length(std::string_view text);

// What is no UTF-8, and control characters other than newline and tab, become \xNN, a byte each.
std::string plain_text(std::string_view text);

// The same on one line: newlines, carriage returns and tabs become blanks.
std::string plain_line(std::string_view text);

// At most `width` characters; what is cut off at the end shows as "...".
std::string cut_to_width(const std::string& text, size_t width);

}  // namespace labctl::report
