#include "tests/support/leak_check.hpp"

#include "tests/support/run_program.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace labctl::support {
namespace {

class LeakCheck : public ::testing::Test {
 protected:
  void SetUp() override {
    LABCTL_NEEDS_USER_NAMESPACES();
    ASSERT_EQ(::pipe(alive_.data()), 0);
  }
  void TearDown() override {
    ::close(alive_[0]);
    ::close(alive_[1]);  // what was left behind sees the end of the pipe and goes
  }
  std::array<int, 2> alive_{};
};

TEST_F(LeakCheck, NothingMadeIsNothingLeft) {
  const LeakResult result = run_and_count({}, [] { return 7; });
  EXPECT_TRUE(result.clean()) << to_string(result);
  EXPECT_EQ(result.body, 7);
}

TEST_F(LeakCheck, NamespacesThatEndWithTheBodyAreNotLeft) {
  const LeakResult result =
      run_and_count({}, [] { return ::unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 ? 0 : 1; });
  EXPECT_TRUE(result.clean()) << to_string(result);
  EXPECT_EQ(result.body, 0);
}

TEST_F(LeakCheck, CountsWhatAProcessLeftInTheBackgroundHolds) {
  OuterNamespace outer;
  outer.deadline = std::chrono::milliseconds(300);
  const LeakResult result = run_and_count(outer, [this] {
    std::array<int, 2> ready{};
    if (::pipe(ready.data()) != 0) {
      return 1;
    }
    for (int i = 0; i < 3; ++i) {
      if (::fork() == 0) {
        ::close(alive_[1]);
        char byte = ::unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
        ssize_t n = ::write(ready[1], &byte, 1);
        n = ::read(alive_[0], &byte, 1);
        ::_exit(static_cast<int>(n));
      }
    }
    std::array<char, 3> answers{};
    for (char& answer : answers) {
      if (::read(ready[0], &answer, 1) != 1 || answer != 'y') {
        return 1;
      }
    }
    return 0;
  });
  EXPECT_EQ(result.body, 0) << to_string(result);
  EXPECT_FALSE(result.clean());
  ASSERT_TRUE(result.left.contains("net")) << to_string(result);
  EXPECT_EQ(result.left.at("net"), 3);
}

TEST_F(LeakCheck, AnOrdinaryUserInsideNeedsAUserNamespace) {
  OuterNamespace outer;
  outer.uid = 1000;
  const LeakResult result = run_and_count(outer, [] {
    const ProgramResult id = run_program({.command = {"id", "-u"}, .env = {}, .directory = {}, .input = {}});
    const ProgramResult make =
        run_program({.command = {"unshare", "-n", "true"}, .env = {}, .directory = {}, .input = {}});
    const ProgramResult user =
        run_program({.command = {"unshare", "-Un", "true"}, .env = {}, .directory = {}, .input = {}});
    return (id.out == "1000\n" ? 0 : 1) + (make.exit_code != 0 ? 0 : 2) + (user.exit_code == 0 ? 0 : 4);
  });
  EXPECT_TRUE(result.clean()) << to_string(result);
  EXPECT_EQ(result.body, 0);
}

TEST_F(LeakCheck, ABodyThatIsKilledIsReported) {
  const LeakResult result = run_and_count({}, [] {
    ::raise(SIGKILL);
    return 0;
  });
  EXPECT_EQ(result.body, 128 + SIGKILL);
  EXPECT_TRUE(result.clean()) << to_string(result);
}

}  // namespace
}  // namespace labctl::support
