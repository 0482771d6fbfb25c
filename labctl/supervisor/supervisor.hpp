#pragma once

// The supervisor process: PID 1 of a lab, in its own mounts. Boots the lab, serves the control socket, and
// ends the lab when asked to or when the keeper goes.
//
// In a lab of root it is nobody on the host: what it needs of the lab's folder, root's alone, it has open.

#include "labctl/supervisor/launch.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/kernel/capsule.hpp"

#include <sys/types.h>

#include <string>

namespace labctl::supervisor {

struct SupervisorSetup {
  const LaunchOptions* options = nullptr;
  UniqueFd lock;          // held to the end: it says that the lab is up
  UniqueFd listening;     // the control socket
  UniqueFd report;        // write end of the boot report
  UniqueFd keeper;        // closed when the keeper goes
  UniqueFd dial;          // asks the keeper for connections to the shared store; see dial_relay.hpp
  std::string identity;   // of the lab, in the shared store
  UniqueFd log;           // appended to; in the lab's folder
  pid_t pid_outside = 0;  // of this process, as the host sees it
  kernel::IdMapping mapping = kernel::IdMapping::Root;
  std::string runtime_root;  // the folder of the user's labs, which no program of one may look into
  std::string why_no_range;  // why the ids of root's lab are not mapped; empty where they are
};

// To the lab's end. Returns the process's exit code.
int run_supervisor(SupervisorSetup setup) noexcept;

}  // namespace labctl::supervisor
