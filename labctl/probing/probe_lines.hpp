#pragma once

// Probes as the control socket takes them (labctl/api/probe_message.hpp): one JSON object a line in, one a
// line out, ids kept, in any order.
//
// Threads: any; everything of the lab that is needed is in the VantageTable.

#include "labctl/api/probe_message.hpp"
#include "labctl/probing/vantage_table.hpp"
#include "probes/engine/engine.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace labctl::probing {

// Requests in, results out. A line that is no good gives a result with an error and spoils no other. Throws
// Error: Busy when `gone` is requested.
std::string run_probe_lines(const engine::Engine& engine, const VantageTable& table, std::string_view lines,
                            const Cancel* gone = nullptr);

// The questions of a result.
std::vector<api::ProbeResult::Query> queries_of(const engine::Result& result);

}  // namespace labctl::probing
