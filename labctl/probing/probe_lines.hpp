#pragma once

// Probes as the control socket takes them: one JSON object a line in, one a line out, ids kept, in any order.
//
// Threads: any; everything of the lab that is needed is in the VantageTable.

#include "labctl/api/lab_requests.hpp"
#include "labctl/probing/vantage_table.hpp"
#include "probes/engine/engine.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace labctl::probing {

// {"id","from","to","proto","timeout_ms","count","source_port","retry_within_ms","expect","http":{...},"dns":{...}}
// -> {"id","outcome","backend","source","rtt_us","tries","responses":{backend:count}, ...,
// "dns":{"server","rtt_us","tcp","rcode","flags","answer","authority","additional",
//        "queries":[{"name","type","server","outcome","rtt_us","rcode"}]}}.
// With "dns" "to" may be left out: {"name","type","server","tcp","recurse","edns"}. A line that is no
// good gives
// {"id","outcome":"inconclusive","error","hint"} and spoils no other. Throws Error: Busy when `gone` is
// requested.
std::string run_probe_lines(const engine::Engine& engine, const VantageTable& table, std::string_view lines,
                            const Cancel* gone = nullptr);

// The "queries" of such an answer.
nlohmann::json queries_of(const engine::Result& result);

// {"proto","port","timeout_ms","from":[ids],"to":[ids]} ->
// {"sources","destinations","rows","wanted","ok","total",
// "failures":[{"from","to","outcome","wanted","backend","reason"}],"elapsed_ms"}. `rows` and `wanted` hold
// outcomes. As text, for there may be millions of them. Throws Error: InvalidInput, NotFound, Busy when
// `gone` is requested.
std::string run_matrix(const engine::Engine& engine, const VantageTable& table,
                       const api::MatrixRequest& request, const Cancel* gone = nullptr);

}  // namespace labctl::probing
