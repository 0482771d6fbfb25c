#pragma once

// The parts of a request target, RFC 3986 §3: path and query.

#include "topology/base/percent.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace labctl::api {

using labctl::percent_encode;

struct Target {
  std::string path;                          // decoded
  std::map<std::string, std::string> query;  // decoded; of a repeated key the last one counts
};
// Nothing unless the target is an absolute path with an optional query, without a broken escape or a NUL.
std::optional<Target> parse_target(std::string_view target);

// "?a=b&c=d", or empty.
std::string query_string(const std::map<std::string, std::string>& query);

}  // namespace labctl::api
