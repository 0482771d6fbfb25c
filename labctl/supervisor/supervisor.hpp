#pragma once

// The supervisor process: PID 1 of a lab. Sets up the mounts, boots the lab, serves the control socket, and
// ends the lab when asked to or when the keeper goes.

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
  std::string log_file;   // in the lab's folder, as the host sees it: in here an ordinary user is root
  pid_t pid_outside = 0;  // of this process, as the host sees it
  kernel::IdMapping mapping = kernel::IdMapping::Root;
};

// To the lab's end. Returns the process's exit code.
int run_supervisor(SupervisorSetup setup) noexcept;

}  // namespace labctl::supervisor
