#pragma once

// Signals of the calling thread as a descriptor, instead of their usual effect, until destruction:
// signalfd(2). Other threads must have them blocked, too.

#include "topology/base/unique_fd.hpp"

#include <csignal>
#include <span>

namespace labctl {

class SignalFd {
 public:
  // Throws Error (Kernel) without descriptors.
  explicit SignalFd(std::span<const int> numbers);
  SignalFd(const SignalFd&) = delete;
  SignalFd& operator=(const SignalFd&) = delete;
  ~SignalFd();

  // Readable when one has come.
  int fd() const { return fd_.get(); }
  // The next signal that came, or 0. Does not wait.
  int take() const;
  // The mask that comes back on destruction.
  const sigset_t& before() const { return before_; }

 private:
  sigset_t before_{};
  UniqueFd fd_;
};

}  // namespace labctl
