#pragma once

// The supervisor's side of `exec`: a process beside a container, in a node or an outside host, on the
// client's own streams or on a terminal. Protocol: labctl/api/exec_session.hpp.
//
// Threads: the connection's; the process itself is started, and reaped, on the main loop's.

#include "topology/base/unique_fd.hpp"

#include <nlohmann/json.hpp>

namespace labctl::supervisor {

class Lab;

// Checks the request before the connection is upgraded. Throws Error: InvalidInput.
void check_exec(const nlohmann::json& request);

// Runs to the process's end, or until the client goes: the process then gets SIGHUP. Never throws; the client
// is told.
void serve_exec(Lab& lab, const nlohmann::json& request, UniqueFd socket) noexcept;

}  // namespace labctl::supervisor
