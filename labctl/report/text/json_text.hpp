#pragma once

// JSON as it is printed: the same value for every parser (RFC 8259 §7), and nothing in it that a terminal or
// the log of a CI system would obey, since strings may say any character as \uXXXX.

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace labctl::report {

// `indent` as of nlohmann's dump(): -1 is one line. What is no UTF-8 becomes U+FFFD.
std::string json_text(const nlohmann::json& value, int indent = -1);

}  // namespace labctl::report
