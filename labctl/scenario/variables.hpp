#pragma once

// ${name} in the texts of a scenario's steps.

#include <nlohmann/json.hpp>

#include <map>
#include <string>

namespace labctl::scenario {

using Variables = std::map<std::string, std::string>;

// Every text of `value`, keys left alone, with ${name} replaced. A text that is one variable and nothing else
// becomes a number or boolean where it reads as one, so that `count: ${count}` works. Throws Error
// InvalidInput for a name that is not there.
nlohmann::json expand(const nlohmann::json& value, const Variables& variables);

// A scalar as the text a variable holds.
std::string text_of(const nlohmann::json& value);

}  // namespace labctl::scenario
