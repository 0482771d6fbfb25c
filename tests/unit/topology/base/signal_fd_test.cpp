#include "topology/base/signal_fd.hpp"
#include "topology/base/signals_blocked.hpp"

#include <gtest/gtest.h>

#include <poll.h>

#include <array>
#include <csignal>

namespace labctl {
namespace {

constexpr std::array kNumbers{SIGUSR1, SIGUSR2};

bool is_blocked(int number) {
  sigset_t now;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &now);
  return ::sigismember(&now, number) == 1;
}

TEST(SignalFd, GivesWhatCameAndThenNothing) {
  const SignalFd signals(kNumbers);
  EXPECT_EQ(signals.take(), 0);
  ::raise(SIGUSR2);
  pollfd wait{.fd = signals.fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&wait, 1, 0), 1);
  EXPECT_EQ(signals.take(), SIGUSR2);
  EXPECT_EQ(signals.take(), 0);
}

TEST(SignalFd, TheMaskFromBeforeComesBack) {
  {
    const SignalFd signals(kNumbers);
    EXPECT_TRUE(is_blocked(SIGUSR1));
    EXPECT_FALSE(is_blocked(SIGTERM));
    EXPECT_EQ(::sigismember(&signals.before(), SIGUSR1), 0);
  }
  EXPECT_FALSE(is_blocked(SIGUSR1));
}

TEST(SignalsBlocked, AllAndOnlyUntilItsEnd) {
  {
    const SignalsBlocked blocked;
    EXPECT_TRUE(is_blocked(SIGTERM));
    EXPECT_TRUE(is_blocked(SIGUSR1));
  }
  EXPECT_FALSE(is_blocked(SIGTERM));
}

}  // namespace
}  // namespace labctl
