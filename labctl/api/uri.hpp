#pragma once

// The parts of a request target, RFC 3986 §2.1 and §3: percent-encoding, path and query.

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace labctl::api {

// Everything but unreserved characters becomes %XX.
std::string percent_encode(std::string_view text);
// Nothing for a broken escape or a NUL, encoded or bare. '+' is a space only in a query.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

struct Target {
  std::string path;                          // decoded
  std::map<std::string, std::string> query;  // decoded; of a repeated key the last one counts
};
// Nothing unless the target is an absolute path with an optional query.
std::optional<Target> parse_target(std::string_view target);

// "?a=b&c=d", or empty.
std::string query_string(const std::map<std::string, std::string>& query);

}  // namespace labctl::api
