#pragma once

// One step to its verdict: its cases, its patience (`within:`, eventually; `for:`, consistently), its verb.

#include "labctl/report/tests/test_results.hpp"
#include "labctl/scenario/context.hpp"
#include "labctl/scenario/variables.hpp"

#include <nlohmann/json.hpp>

#include <vector>

namespace labctl::scenario {

// A result for each case; one without cases. Context::stop ends the patience early.
std::vector<report::CheckResult> run_step(Context& context, const nlohmann::json& step,
                                          const SourcePosition& where, const Variables& variables);

}  // namespace labctl::scenario
