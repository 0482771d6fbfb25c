#pragma once

// The supervisor's side of `exec`: a process beside a container, in a node or an outside host, on the
// client's own streams or on a terminal. Protocol: labctl/api/exec_session.hpp.
//
// Threads: the connection's; the process itself is started, and reaped, on the main loop's.

#include "labctl/api/lab_requests.hpp"
#include "topology/base/unique_fd.hpp"

namespace labctl::lab {

class Lab;

// Runs to the process's end, or until the client goes: the process then gets
// SIGHUP. Never throws; the client is told.
void serve_exec(Lab& lab, const api::ExecStart& request, UniqueFd socket) noexcept;

}  // namespace labctl::lab
