#include "topology/base/scope_exit.hpp"
#include "topology/base/unique_fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <utility>

namespace labctl {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

UniqueFd some_fd() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

TEST(UniqueFd, ClosesOnDestruction) {
  int number = -1;
  {
    const UniqueFd fd = some_fd();
    number = fd.get();
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFd, MovedFromIsEmpty) {
  UniqueFd first = some_fd();
  const int number = first.get();
  UniqueFd second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): the state is promised
  EXPECT_EQ(second.get(), number);
  EXPECT_TRUE(is_open(number));
}

TEST(UniqueFd, AssignmentClosesWhatItHeld) {
  UniqueFd fd = some_fd();
  const int number = fd.get();
  fd = UniqueFd();
  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFd, ReleaseGivesItUpOpen) {
  UniqueFd fd = some_fd();
  const int number = fd.release();
  EXPECT_FALSE(fd);
  EXPECT_TRUE(is_open(number));
  fd.reset(number);
}

TEST(ScopeExit, RunsOnceUnlessDismissed) {
  int runs = 0;
  {
    const ScopeExit work([&] { ++runs; });
  }
  EXPECT_EQ(runs, 1);
  {
    ScopeExit work([&] { ++runs; });
    work.dismiss();
  }
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace labctl
