// What holds for a run as a whole: one result each, deadlines, retries, cancelling, nothing left open.

#include "tests/netns/engine/fake_server.hpp"
#include "tests/netns/engine/three_spaces.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

namespace labctl::engine {
namespace {

using probes::Outcome;
using protocol::ProbeProtocol;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

class ProbeRun : public testing::Test {
 protected:
  ThreeSpaces spaces_;
  Engine engine_{nullptr};
};

TEST_F(ProbeRun, NoProbesAreNoResults) {
  EXPECT_EQ(engine_.run({}, [](const Result&) {}).total(), 0u);
}

TEST_F(ProbeRun, TenThousandTimeoutsTakeOneTimeoutABatch) {
  std::vector<Probe> probes;
  for (int i = 0; i < 10000; ++i) {
    probes.push_back(spaces_.probe("10.0.5.1", static_cast<std::uint16_t>(1 + i)));
    probes.back().protocol = i % 3 == 0 ? ProbeProtocol::Udp : ProbeProtocol::Tcp;
    probes.back().timeout = milliseconds(300);
  }
  EngineOptions options;
  options.in_flight = 2500;
  const std::size_t open = open_descriptors();
  const auto began = steady_clock::now();
  const probes::OutcomeCounts counts = Engine(nullptr, options).run(probes, [](const Result&) {});
  const auto took = steady_clock::now() - began;
  EXPECT_EQ(counts[Outcome::Timeout], probes.size()) << to_string(counts);
  EXPECT_GE(took, milliseconds(300));
  // One after another they would take 3,000 s, for which nobody waits.
  EXPECT_EQ(open_descriptors(), open);
}

TEST_F(ProbeRun, FewDescriptorsSlowARunDownAndLoseNothing) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit tight{open_descriptors() + 20, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  std::vector<Probe> probes(200, spaces_.probe("10.0.5.1", 80));
  for (Probe& probe : probes) {
    probe.timeout = milliseconds(20);
  }
  const probes::OutcomeCounts counts = engine_.run(probes, [](const Result&) {});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(counts.total(), 200u);
  EXPECT_EQ(counts[Outcome::Timeout] + counts[Outcome::Inconclusive], 200u) << to_string(counts);
  // More than had descriptors at one time: some waited and had their turn.
  EXPECT_GT(counts[Outcome::Timeout], 40u) << to_string(counts);
}

TEST_F(ProbeRun, CountTriesInTurnAndAddsUp) {
  std::atomic<int> connections = 0;
  const FakeServer server = FakeServer::tcp(spaces_.server.netns_fd, [&](int fd) {
    read_until(fd, "\r\n\r\n");
    write_all(fd, ++connections % 4 == 0 ? "HTTP/1.1 500 No\r\n\r\n" : "HTTP/1.1 200 OK\r\n\r\n");
  });
  Probe probe = spaces_.probe("10.0.2.2", server.port());
  probe.protocol = ProbeProtocol::Http;
  probe.count = 20;
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.tries, 20u);
  EXPECT_EQ(found.outcomes[Outcome::Ok], 15u);
  EXPECT_EQ(found.outcomes[Outcome::HttpStatus], 5u);
  EXPECT_EQ(found.outcome, Outcome::HttpStatus);
  EXPECT_LE(found.rtt_us_min, found.rtt_us_max);
}

TEST_F(ProbeRun, RetryWithinEndsWithTheExpectedOutcome) {
  std::atomic<int> connections = 0;
  const FakeServer server = FakeServer::tcp(spaces_.server.netns_fd, [&](int fd) {
    read_until(fd, "\r\n\r\n");
    write_all(fd, ++connections < 4 ? "HTTP/1.1 503 Not Yet\r\n\r\n" : "HTTP/1.1 200 OK\r\n\r\n");
  });
  Probe probe = spaces_.probe("10.0.2.2", server.port());
  probe.protocol = ProbeProtocol::Http;
  probe.retry_within = seconds(20);
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::Ok);
  EXPECT_EQ(found.tries, 4u);
  EXPECT_EQ(found.reason, "") << "of the last sequence only";
}

TEST_F(ProbeRun, RetryWithinMayWaitForAFailure) {
  Probe probe = spaces_.probe("10.0.2.2", 9);
  probe.retry_within = seconds(20);
  probe.expect = Outcome::Refused;
  EXPECT_EQ(run_one(engine_, probe).tries, 1u);
}

TEST_F(ProbeRun, RetryWithinGivesUpInTime) {
  Probe probe = spaces_.probe("10.0.2.2", 9);
  probe.retry_within = milliseconds(200);
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::Refused);
  EXPECT_GE(found.tries, 2u);
}

TEST_F(ProbeRun, CancelEndsWaitingAtOnce) {
  std::vector<Probe> probes(20000, spaces_.probe("10.0.5.1", 80));
  for (std::size_t i = 0; i < probes.size(); ++i) {
    probes[i].timeout = std::chrono::hours(1);
    probes[i].protocol = i % 3 == 0   ? ProbeProtocol::Icmp
                         : i % 3 == 1 ? ProbeProtocol::Udp
                                      : ProbeProtocol::Tcp;
  }
  const std::size_t open = open_descriptors();
  Cancel cancel;
  std::thread other([&] { cancel.request(); });
  for (const Found& found : run_all(engine_, probes, &cancel)) {
    ASSERT_EQ(found.outcome, Outcome::Inconclusive);
    ASSERT_EQ(found.reason, "cancelled");
  }
  other.join();
  EXPECT_EQ(open_descriptors(), open + 1) << "only the cancel's own is left";
}

// A connect costs milliseconds where a bridge of hundreds of ports floods: not
// even a burst of them is gone on with.
TEST_F(ProbeRun, NoTryBeginsAfterACancel) {
  const std::vector<Probe> probes(50, spaces_.probe("10.0.2.2", 9));  // one worker, less than a burst
  Cancel cancel;
  std::uint64_t tries = 0;
  std::uint64_t tries_at_cancel = 0;
  engine_.run(
      probes,
      [&](const Result& result) {
        tries += result.outcomes.total();
        if (!cancel.requested()) {
          tries_at_cancel = tries;
          cancel.request();
        }
      },
      &cancel);
  ASSERT_EQ(tries_at_cancel, 1u);
  EXPECT_EQ(tries, 1u);
}

TEST_F(ProbeRun, WhatDoneThrowsEndsTheRunAndIsThrown) {
  std::vector<Probe> probes(1000, spaces_.probe("10.0.2.2", 9));
  int calls = 0;
  EXPECT_THROW(engine_.run(probes,
                           [&](const Result&) {
                             if (++calls == 10) {
                               throw std::runtime_error("enough");
                             }
                           }),
               std::runtime_error);
  EXPECT_EQ(calls, 10);
}

TEST_F(ProbeRun, SeveralAtOnceDoNotMeet) {
  const FakeServer server =
      FakeServer::udp(spaces_.server.netns_fd, [](const std::string& datagram) { return datagram; });
  std::vector<Probe> probes(300, spaces_.probe("10.0.2.2", server.port()));
  for (std::size_t i = 0; i < probes.size(); ++i) {
    probes[i].protocol = i % 2 == 0 ? ProbeProtocol::Udp : ProbeProtocol::Icmp;
  }
  std::vector<std::thread> threads;
  std::atomic<std::uint64_t> ok = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { ok += engine_.run(probes, [](const Result&) {})[Outcome::Ok]; });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(ok, 4 * probes.size());
}

TEST_F(ProbeRun, TheCallingThreadStaysWhereItIs) {
  const ino_t before = kernel::NetworkNamespace::current().inode();
  run_one(engine_, spaces_.probe("10.0.2.2", 9));
  EXPECT_EQ(kernel::NetworkNamespace::current().inode(), before);
}

}  // namespace
}  // namespace labctl::engine
