#pragma once

// The keeper: the one process of a lab that stays in the host's namespaces. It makes the lab's folder, starts
// the supervisor, and when that is gone removes the folder, or leaves in it how the lab ended, if nobody had
// asked for it. See launch.hpp for the whole picture.

#include "labctl/supervisor/dial_relay.hpp"
#include "labctl/supervisor/launch.hpp"
#include "labctl/supervisor/registry.hpp"
#include "topology/base/unique_fd.hpp"

#include <csignal>
#include <string>

namespace labctl::supervisor {

struct KeeperSetup {
  const LaunchOptions* options = nullptr;
  UniqueFd report;  // write end: the supervisor's boot report
  UniqueFd commit;  // read end: a byte lets the lab live on, the end of the pipe without one ends it
  // Made by the keeper, so that a command that is killed has no folder to leave behind.
  ClaimedLab claim;    // the lab's folder, and its lock: held by keeper and supervisor
  UniqueFd listening;  // the control socket, for the supervisor
  UniqueFd log;        // the lab's log, for the supervisor, who may have no right to open it
  // Made by the keeper for a lab that shares allocations; empty for others.
  DialRelay dial;
  std::string identity;  // tells the lab from all others that use the same store
  sigset_t signals_before{};
};

// Runs in a fresh child of the command, and ends the process.
[[noreturn]] void keep_lab(KeeperSetup setup) noexcept;

}  // namespace labctl::supervisor
