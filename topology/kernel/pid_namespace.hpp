#pragma once

// A PID namespace of a container (pid_namespaces(7)): an init that hands signals on and reaps, and whatever is started
// in it with ProcessOptions::pid_namespace. When the init ends the kernel kills all others, also daemons and fork bombs.
// What no program of its own holds - its files, where commands are executed in it one after the other - the init may hold.

#include "topology/base/unique_fd.hpp"
#include "topology/kernel/process.hpp"

#include <sys/types.h>

#include <chrono>

namespace labctl::kernel {

// What a signal to the init does, such as by `kill 1` in the container.
enum class InitSignals {
  ToProgram,  // goes to the first process that is started in the namespace
  EndAll,     // one that would end a program ends the namespace
};

// Ends all in it with its own end.
class PidNamespace {
 public:
  PidNamespace() = default;
  // Starts the init. The caller needs CAP_SYS_ADMIN, and to be the thread that reaps. Throws Error:
  // ResourceExhausted at the limit of PID namespaces or processes.
  static PidNamespace create(InitSignals signals);
  // With an init that holds a place (hold_place()), and ends all by a signal. Throws Error, besides, as spawn() does.
  static PidNamespace create_in(ProcessOptions place);
  PidNamespace(PidNamespace&& other) noexcept;
  PidNamespace& operator=(PidNamespace&& other) noexcept;
  ~PidNamespace() { end(); }

  explicit operator bool() const noexcept { return static_cast<bool>(init_pidfd_); }
  // Of the init, in the caller's own namespace; for Reaper::watch().
  pid_t init_pid() const noexcept { return init_pid_; }
  // For setns(2) and ProcessOptions::pid_namespace; -1: there is none.
  int fd() const noexcept { return init_pidfd_.get(); }

  // Kills all in it, and returns before they are dead.
  void kill() noexcept;
  // Kills all in it and waits until they are dead, but no longer than that. True: they are. It takes longer when a
  // process in it is a child of ours that is not reaped yet: the init stays as long as its zombie does.
  bool end(std::chrono::milliseconds wait = std::chrono::milliseconds(20)) noexcept;

 private:
  UniqueFd init_pidfd_;
  pid_t init_pid_ = -1;
};

// A process that does nothing but be in the network namespace, the view and the hostname of `place`, for others to join
// (ProcessOptions::join_pidfd). A signal that would end a program ends it. Throws Error as spawn() does.
ChildProcess hold_place(ProcessOptions place);

// For as long as it lives, what the calling thread forks is in the namespace of that pidfd, or in a new one; -1 changes
// nothing. Throws Error if the namespace has gone, or as PidNamespace::create().
class ForksIntoNamespace {
 public:
  ForksIntoNamespace(int pidfd, bool into_new);
  ~ForksIntoNamespace();
  ForksIntoNamespace(const ForksIntoNamespace&) = delete;
  ForksIntoNamespace& operator=(const ForksIntoNamespace&) = delete;

 private:
  UniqueFd own_;
};

}  // namespace labctl::kernel
