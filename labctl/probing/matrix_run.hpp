#pragma once

// Every pair of a lab's places probed, and held against what should be reachable.
//
// Threads: any; everything of the lab that is needed is in the VantageTable.

#include "labctl/api/matrix_message.hpp"
#include "labctl/probing/vantage_table.hpp"
#include "probes/engine/engine.hpp"

namespace labctl::probing {

// Throws Error: NotFound (no such place), Busy when `gone` is requested.
api::MatrixReply run_matrix(const engine::Engine& engine, const VantageTable& table,
                            const api::MatrixRequest& request, const Cancel* gone = nullptr);

}  // namespace labctl::probing
