#include "topology/base/signal_fd.hpp"

#include "topology/base/error.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

namespace labctl {

SignalFd::SignalFd(std::span<const int> numbers) {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  for (const int number : numbers) {
    ::sigaddset(&wanted, number);
  }
  ::pthread_sigmask(SIG_BLOCK, &wanted, &before_);
  fd_.reset(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) {
    const int code = errno;
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    throw Error::from_errno(code, "watch for signals");
  }
}

SignalFd::~SignalFd() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

int SignalFd::take() const {
  signalfd_siginfo info{};
  return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace labctl
