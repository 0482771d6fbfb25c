#pragma once

// Ages of objects as kubectl shows them, and times that people waited.

#include <chrono>
#include <string>
#include <string_view>

namespace labctl::report {

// "5s", "3m20s", "7h12m", "2d3h", "1y40d": coarser with age, as k8s.io/apimachinery's HumanDuration.
std::string format_age(std::chrono::seconds age);

// The age of an RFC 3339 timestamp; "<unknown>" for an empty or broken one.
std::string age_since(std::string_view timestamp, std::chrono::system_clock::time_point now);

// A time a person waited: "840us", "41ms", "5.2s", "2m03s".
std::string format_elapsed(std::chrono::microseconds elapsed);

}  // namespace labctl::report
