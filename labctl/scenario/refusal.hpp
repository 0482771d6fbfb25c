#pragma once

// A change that the API is expected to refuse: what it said, and that nothing came of it.

#include "labctl/scenario/attempt.hpp"
#include "labctl/scenario/context.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace labctl::scenario {

// What users wrote of the objects at these paths of the API, null for those that are not there. Their status
// and version are left out: the controllers go on while a step runs. `with_status` keeps the status.
nlohmann::json written_state(Context& context, const std::vector<std::string>& paths,
                             bool with_status = false);

// `expect` is {refused: TEXT or {contains, equals, matches}}; `message` is what the API refused with, empty
// if it did not. `before` and `after` are written_state().
Attempt check_refusal(const nlohmann::json& expect, const std::string& message, const nlohmann::json& before,
                      const nlohmann::json& after);

}  // namespace labctl::scenario
