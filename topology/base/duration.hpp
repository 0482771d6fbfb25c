#pragma once

// Durations as users write them: Go style, "500ms", "2s", "1m30s", "1.5h".

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace labctl {

// Units: ns, us, ms, s, m, h; several may follow each other. Rounded to microseconds. A bare "0" is zero; any
// other bare number, a sign, or an overflow beyond 24 days gives nothing.
std::optional<std::chrono::microseconds> parse_duration(std::string_view text);

// The shortest exact form: "500ms", "1m30s", "0s".
std::string to_string(std::chrono::microseconds duration);

}  // namespace labctl
