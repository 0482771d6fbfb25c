#pragma once

// The results of a test run as JSON that loses nothing: how a worker tells them to the runner, over a pipe.
// What people and other programs read is to_json() in test_results.hpp, which rounds and leaves out.

#include "labctl/report/tests/test_results.hpp"

#include <nlohmann/json_fwd.hpp>

namespace labctl::report {

// An object with every field under the name that it has in C++; times are whole microseconds ("elapsedUs").
// dump() never throws on it, and its one-line form holds no newline: text that is not UTF-8, which JSON
// cannot hold, is written as {"bytes":[n, ...]}.
nlohmann::json check_to_json(const CheckResult& check);
nlohmann::json scenario_to_json(const ScenarioResult& scenario);

// The value again, equal in every field. A field that is not known is passed over.
// Throws Error: InvalidInput for one that is missing or of another type, with its name.
CheckResult check_from_json(const nlohmann::json& json);
ScenarioResult scenario_from_json(const nlohmann::json& json);

}  // namespace labctl::report
