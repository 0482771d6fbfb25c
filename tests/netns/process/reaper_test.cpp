#include "topology/kernel/reaper.hpp"

#include "tests/netns/process/capsule_fixture.hpp"
#include "topology/kernel/process.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <csignal>
#include <functional>
#include <optional>
#include <stdexcept>
#include <vector>

namespace labctl::kernel::testing {
namespace {

bool wait_readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 20'000) == 1;
}

TEST(Reaper, ReportsKnownChildrenAndDiscardsOrphans) {
  run_in_capsule(IdMapping::Single, [] {
    Reaper reaper = Reaper::create();
    ProcessOptions options = shell("(exec sleep 0.05) & exit 3");  // the orphan becomes ours
    ChildProcess child = spawn(options);
    std::optional<ExitStatus> ended;
    reaper.watch(child.pid(), [&](ExitStatus status) {
      ended = status;
      child.release();
    });
    std::size_t reaped = 0;
    while (reaped < 2 && wait_readable(reaper.fd())) {
      reaped += reaper.reap();
    }
    EXPECT_EQ(reaped, 2u);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->code, 3);
    EXPECT_EQ(::kill(-1, 0), -1);  // nobody is left in this pid namespace
  });
}

TEST(Reaper, SeesManyThatEndAtOnce) {
  run_in_capsule(IdMapping::Single, [] {
    Reaper reaper = Reaper::create();
    constexpr int kChildren = 50;
    std::vector<ChildProcess> children;
    int ended = 0;
    for (int index = 0; index < kChildren; ++index) {
      children.push_back(spawn(shell("exit 0")));
      ChildProcess& child = children.back();
      reaper.watch(child.pid(), [&ended](ExitStatus) { ++ended; });
    }
    while (ended < kChildren && wait_readable(reaper.fd())) {
      reaper.reap();
    }
    EXPECT_EQ(ended, kChildren);
    for (ChildProcess& child : children) {
      child.release();
    }
  });
}

TEST(Reaper, WhatOneCallbackThrowsLeavesNoOtherChildUnreaped) {
  run_in_capsule(IdMapping::Single, [] {
    Reaper reaper = Reaper::create();
    constexpr int kChildren = 10;
    std::vector<ChildProcess> children;
    int ended = 0;
    int thrown = 0;
    for (int index = 0; index < kChildren; ++index) {
      children.push_back(spawn(shell("exit 0")));
      reaper.watch(children.back().pid(), [&ended](ExitStatus) {
        ++ended;
        throw std::runtime_error("odd");
      });
    }
    while (ended < kChildren && wait_readable(reaper.fd())) {
      try {
        reaper.reap();
      } catch (const std::runtime_error&) {
        ++thrown;
      }
    }
    EXPECT_EQ(ended, kChildren);
    EXPECT_GE(thrown, 1);
    for (ChildProcess& child : children) {
      child.release();
    }
  });
}

TEST(Reaper, CallbackMaySpawnAgain) {
  run_in_capsule(IdMapping::Single, [] {
    Reaper reaper = Reaper::create();
    ChildProcess child = spawn(shell("exit 1"));
    int ends = 0;
    std::function<void(ExitStatus)> again = [&](ExitStatus) {
      child.release();
      if (++ends < 3) {
        child = spawn(shell("exit 1"));
        reaper.watch(child.pid(), again);
      }
    };
    reaper.watch(child.pid(), again);
    while (ends < 3 && wait_readable(reaper.fd())) {
      reaper.reap();
    }
    EXPECT_EQ(ends, 3);
  });
}

}  // namespace
}  // namespace labctl::kernel::testing
