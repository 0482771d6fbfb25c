#pragma once

// Times as objects carry them: RFC 3339, UTC, whole seconds, "2006-01-02T15:04:05Z" (meta/v1 Time).

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace labctl {

std::string timestamp(std::chrono::system_clock::time_point time);
// Takes fractions and offsets too, as clients send them. Nothing for other text.
std::optional<std::chrono::system_clock::time_point> parse_timestamp(std::string_view text);

}  // namespace labctl
