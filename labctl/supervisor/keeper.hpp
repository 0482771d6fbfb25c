#pragma once

// The keeper: the one process of a lab that stays in the host's namespaces. It starts the supervisor, and
// when that is gone removes the lab's folder. See launch.hpp for the whole picture.

#include "labctl/supervisor/launch.hpp"
#include "topology/base/unique_fd.hpp"

#include <csignal>

namespace labctl::supervisor {

struct KeeperSetup {
  const LaunchOptions* options = nullptr;
  UniqueFd lock;       // of the lab's folder; held by keeper and supervisor
  UniqueFd listening;  // the control socket, for the supervisor
  UniqueFd report;     // write end: the supervisor's boot report
  UniqueFd commit;     // read end: a byte lets the lab live on, the end of the pipe without one ends it
  sigset_t signals_before{};
};

// Runs in a fresh child of the command, and ends the process.
[[noreturn]] void keep_lab(KeeperSetup setup) noexcept;

}  // namespace labctl::supervisor
