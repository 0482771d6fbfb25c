#include "topology/base/cancel.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace labctl {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kLong{60};

TEST(WaitReadable, SaysWhatWokeIt) {
  const Wakeup something;
  Cancel cancel;
  EXPECT_EQ(wait_readable(something.fd(), Clock::now(), &cancel), Woken::TimedOut);
  something.notify();
  EXPECT_EQ(wait_readable(something.fd(), Clock::now() + kLong, &cancel), Woken::Ready);
  EXPECT_EQ(wait_readable(something.fd(), std::nullopt, nullptr), Woken::Ready);
  something.clear();
  EXPECT_EQ(wait_readable(something.fd(), Clock::now(), nullptr), Woken::TimedOut);
}

TEST(WaitReadable, ACancelCountsBeforeAllElse) {
  const Wakeup something;
  something.notify();
  Cancel cancel;
  cancel.request();
  EXPECT_EQ(wait_readable(something.fd(), Clock::now(), &cancel), Woken::Cancelled);
}

TEST(WaitReadable, IsEndedByACancelFromElsewhere) {
  Cancel cancel;
  std::thread other([&] { cancel.request(); });
  EXPECT_EQ(wait_readable(-1, std::nullopt, &cancel), Woken::Cancelled);
  other.join();
  EXPECT_EQ(wait_readable(-1, std::nullopt, &cancel), Woken::Cancelled) << "for ever";
}

TEST(Cancel, ThrowsBusyOnceItIsRequested) {
  Cancel cancel;
  throw_if_requested(nullptr);
  throw_if_requested(&cancel);
  cancel.request();
  try {
    throw_if_requested(&cancel);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Busy);
  }
}

}  // namespace
}  // namespace labctl
