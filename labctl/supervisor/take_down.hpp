#pragma once

// The end of a lab, whatever it is doing. It is asked first; one that does not answer, or does not end, is
// killed: that needs no cleaning up, since the kernel frees all there is of a lab with its first process.
//
//   ask ──> SIGTERM to the supervisor ──> SIGKILL ──> SIGKILL to who holds the lock ──> remove the folder
//     500 ms              250 ms                500 ms                                    if nobody else has

#include <sys/types.h>
#include <chrono>
#include <string>

namespace labctl::supervisor {

enum class TakenDown {
  WasUp,
  WasDead,  // it had ended before; only its folder was there, and is removed
};

// Returns when the processes of the lab have ended and its folder is gone.
// Throws Error: NotFound when there is no such lab, Permission when its folder is another user's, Timeout
// when the kernel has not ended it within `timeout`.
TakenDown take_down(const std::string& lab, std::chrono::milliseconds timeout);

// For who launched a lab and has seen its keeper, of process number `keeper`, end: waits for the end of what
// that may have left, some seconds at most, and removes the folder.
void bury(const std::string& lab, pid_t keeper) noexcept;

}  // namespace labctl::supervisor
