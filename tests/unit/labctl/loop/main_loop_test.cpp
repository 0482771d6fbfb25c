#include "labctl/loop/main_loop.hpp"

#include "labctl/loop/mailbox.hpp"
#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace labctl::loop {
namespace {

using Piece = MainLoopOptions::Piece;

// A loop whose failures are kept, with a deadline that no test should see.
class MainLoopTest : public ::testing::Test {
 protected:
  MainLoopTest() {
    loop_.set_on_failure([this](const std::string& words) { told_.push_back(words); });
  }
  bool run_until(const std::function<bool()>& is_done) {
    return loop_.run_until(is_done, std::chrono::steady_clock::now() + std::chrono::seconds(30));
  }

  MainLoop loop_;
  std::vector<std::string> told_;
};

TEST_F(MainLoopTest, OutlivesWhatPostedWorkThrows) {
  bool is_over = false;
  loop_.post([] { throw Error(ErrorKind::Internal, "one"); });
  loop_.post([] { throw std::runtime_error("two"); });
  loop_.post([] { throw 3; });
  loop_.post([&] { is_over = true; });
  ASSERT_TRUE(run_until([&] { return is_over; }));
  ASSERT_EQ(told_.size(), 3U);
  EXPECT_EQ(told_[0], "one");
  EXPECT_EQ(told_[1], "two");
  EXPECT_FALSE(told_[2].empty());
}

TEST_F(MainLoopTest, OutlivesWhatATimerThrows) {
  bool is_over = false;
  loop_.call_after(std::chrono::milliseconds(0), [] { throw std::runtime_error("timer"); });
  loop_.call_after(std::chrono::milliseconds(1), [&] { is_over = true; });
  ASSERT_TRUE(run_until([&] { return is_over; }));
  EXPECT_EQ(told_, std::vector<std::string>{"timer"});
}

TEST_F(MainLoopTest, AsksAReaderThatThrowsAgainButLessAndLess) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  const UniqueFd in(ends[0]);
  const UniqueFd out(ends[1]);
  ASSERT_EQ(::write(out.get(), "x", 1), 1);
  int calls = 0;
  const MainLoop::Id id = loop_.call_when_readable(in.get(), [&] {
    if (++calls < 4) {
      throw std::runtime_error("reader");
    }
    char byte = 0;
    ASSERT_EQ(::read(in.get(), &byte, 1), 1);
  });
  int turns = 0;
  ASSERT_TRUE(run_until([&] {
    ++turns;
    return calls == 4;
  }));
  // Each failed call is followed by a wait, not by the next call: two turns for each.
  EXPECT_GE(turns, 7);
  EXPECT_EQ(told_.size(), 3U);
  // Well again: it is asked at once.
  ASSERT_EQ(::write(out.get(), "y", 1), 1);
  ASSERT_TRUE(run_until([&] { return calls == 5; }));
  loop_.cancel(id);
}

TEST_F(MainLoopTest, AReaderMayCancelItselfAndThrow) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  out.reset();  // readable for ever
  MainLoop::Id id = 0;
  int calls = 0;
  id = loop_.call_when_readable(in.get(), [&] {
    ++calls;
    loop_.cancel(id);
    throw std::runtime_error("last words");
  });
  bool is_over = false;
  loop_.call_after(std::chrono::milliseconds(50), [&] { is_over = true; });
  ASSERT_TRUE(run_until([&] { return is_over; }));
  EXPECT_EQ(calls, 1);
}

TEST_F(MainLoopTest, OutlivesItsOwnTelling) {
  bool is_over = false;
  loop_.set_on_failure([](const std::string&) { throw std::runtime_error("while telling"); });
  loop_.post([] { throw std::runtime_error("work"); });
  loop_.post([&] { is_over = true; });
  EXPECT_TRUE(run_until([&] { return is_over; }));
}

TEST_F(MainLoopTest, GivesTheCallerWhatItsOwnWorkThrows) {
  std::thread loop([this] { loop_.run(); });
  EXPECT_THROW(loop_.run_here([] { throw std::out_of_range("asked for"); }), std::out_of_range);
  EXPECT_THROW(loop_.run_here([] { throw 5; }), Error);
  int answer = 0;
  loop_.run_here([&] { answer = 42; });
  loop_.stop();
  loop.join();
  EXPECT_EQ(answer, 42);
  EXPECT_TRUE(told_.empty());
}

TEST_F(MainLoopTest, OnePieceInAMailboxDoesNotTakeTheOthersAlong) {
  Mailbox mailbox(loop_);
  std::vector<int> done;
  mailbox.post([&] { done.push_back(1); });
  mailbox.post([] { throw std::runtime_error("piece"); });
  mailbox.post([&] { done.push_back(2); });
  ASSERT_TRUE(run_until([&] { return done.size() == 2; }));
  EXPECT_EQ(told_, std::vector<std::string>{"piece"});
}

TEST_F(MainLoopTest, AFullMailboxLetsOthersThrough) {
  Mailbox mailbox(loop_);
  std::size_t done = 0;
  std::optional<std::size_t> done_before;
  for (int i = 0; i < 10'000; ++i) {
    mailbox.post([&] {
      if (++done == 1) {
        loop_.post([&] { done_before = done; });
      }
    });
  }
  ASSERT_TRUE(run_until([&] { return done == 10'000; }));
  ASSERT_TRUE(done_before.has_value());
  EXPECT_LT(*done_before, 1'000U);
}

TEST(MainLoopOptionsTest, WhatStandsAroundThePiecesMayHaveThemFail) {
  int seen = 0;
  MainLoop loop({[&](Piece piece, const std::function<void()>& work) {
    if (piece == Piece::Posted && ++seen % 2 == 0) {
      throw std::runtime_error("not this one");
    }
    work();
  }});
  std::vector<std::string> told;
  loop.set_on_failure([&](const std::string& words) { told.push_back(words); });
  std::vector<int> done;
  for (int i = 1; i <= 5; ++i) {
    loop.post([&, i] { done.push_back(i); });
  }
  ASSERT_TRUE(loop.run_until([&] { return done.size() == 3; },
                             std::chrono::steady_clock::now() + std::chrono::seconds(30)));
  EXPECT_EQ(done, (std::vector<int>{1, 3, 5}));
  EXPECT_EQ(told.size(), 2U);
}

TEST(MainLoopOptionsTest, AFailureAroundARequestIsItsCallers) {
  MainLoop loop({[](Piece, const std::function<void()>&) { throw std::runtime_error("never"); }});
  std::thread thread([&] { loop.run(); });
  EXPECT_THROW(loop.run_here([] {}), std::runtime_error);
  loop.stop();
  thread.join();
}

}  // namespace
}  // namespace labctl::loop
