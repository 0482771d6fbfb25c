#pragma once

// JSON values as YAML, as kubectl writes it (YAML 1.2, safe for 1.1 readers too): keys in order,
// lists not indented under their key, text with newlines as literal blocks, and quotes where
// plain text would be read as something else.

#include <nlohmann/json_fwd.hpp>

#include <iosfwd>
#include <string>

namespace labctl::report {

// One document, without "---"; ends in a newline.
void write_yaml(std::ostream& out, const nlohmann::json& value);

// A scalar for one line: plain where it can be, else quoted. Bytes that are no UTF-8 become U+FFFD.
std::string yaml_scalar(const std::string& text);

}  // namespace labctl::report
