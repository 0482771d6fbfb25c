#pragma once

// ${name} in the texts of a scenario's steps.

#include <nlohmann/json.hpp>

#include <map>
#include <string>

namespace labctl::scenario {

using Variables = std::map<std::string, std::string>;

// Every text of `value`, keys left alone, with ${name} replaced. In a field that holds a number (count, port,
// status, ...) it becomes one, so that `count: ${count}` works; elsewhere a text stays a text. Throws Error
// InvalidInput for a name that is not there, or a number that is none.
nlohmann::json expand(const nlohmann::json& value, const Variables& variables);

// A scalar as the text a variable holds.
std::string text_of(const nlohmann::json& value);

}  // namespace labctl::scenario
