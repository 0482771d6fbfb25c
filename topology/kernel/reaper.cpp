#include "topology/kernel/reaper.hpp"

#include "topology/base/error.hpp"

#include <pthread.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>

namespace labctl::kernel {

Reaper Reaper::create() {
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  ::pthread_sigmask(SIG_BLOCK, &child, nullptr);
  // An ignored SIGCHLD, which is inherited, would have the kernel reap and forget.
  ::signal(SIGCHLD, SIG_DFL);
  UniqueFd signals(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) {
    throw Error::from_errno(errno, "signalfd SIGCHLD");
  }
  return Reaper(std::move(signals));
}

void Reaper::watch(pid_t pid, Callback callback) { callbacks_[pid] = std::move(callback); }

void Reaper::forget(pid_t pid) { callbacks_.erase(pid); }

std::size_t Reaper::reap() {
  // Emptied first: a child that ends after the loop below raises it again. One
  // signal may stand for many children.
  signalfd_siginfo pending;
  while (::read(signals_.get(), &pending, sizeof(pending)) > 0) {
  }
  std::size_t count = 0;
  std::exception_ptr first;
  for (;;) {
    siginfo_t ended{};
    if (::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG) != 0 || ended.si_pid == 0) {
      if (first) {
        std::rethrow_exception(first);
      }
      return count;  // ECHILD, or none has ended
    }
    ++count;
    const auto found = callbacks_.find(ended.si_pid);
    if (found == callbacks_.end()) {
      continue;
    }
    const Callback callback = std::move(found->second);
    callbacks_.erase(found);
    ExitStatus status;
    (ended.si_code == CLD_EXITED ? status.code : status.signal) = ended.si_status;
    try {
      callback(status);
    } catch (...) {
      first = first ? first : std::current_exception();
    }
  }
}

}  // namespace labctl::kernel
