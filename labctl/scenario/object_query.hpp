#pragma once

// Values picked out of objects by a JSON pointer with wildcards, and what may be expected of them. Pure.

#include "labctl/scenario/attempt.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace labctl::scenario {

// Adds, as texts, the values that `pointer` (RFC 6901) leads to; a part "*" is each element or each member.
// Where there is nothing, nothing is added.
void collect_values(const nlohmann::json& object, const std::string& pointer, std::vector<std::string>& out);

// `expect` may have values (exactly these, in any order), count, equals (one value, and it is this) and
// matches (at least one, and each does).
void check_values(const nlohmann::json& expect, const std::string& pointer, std::vector<std::string> seen,
                  Attempt& attempt);

}  // namespace labctl::scenario
