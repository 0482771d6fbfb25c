#include "labctl/kubelet/container_probe.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace labctl::kubelet::testing {
namespace {

using namespace std::chrono_literals;
using Result = ContainerHealth::Result;
using Time = ContainerHealth::SteadyTime;

const Time kStart{1'000s};

model::ContainerProbe probe_every(std::chrono::seconds period) {
  model::ContainerProbe probe;
  probe.action.kind = model::ContainerAction::Kind::TcpSocket;
  probe.action.port = 80;
  probe.period = period;
  return probe;
}

// Lets every due probe have its result until `end`; answers are told by the kind and the time.
template <typename Answer>
Time run_health(ContainerHealth& health, Time end, const Answer& answer) {
  Time now = kStart;
  for (auto next = health.next_due(); next && std::max(*next, now) <= end; next = health.next_due()) {
    now = std::max(*next, now);
    for (const ProbeKind kind : health.due(now)) {
      health.begin(kind, now);
      health.finish(kind, answer(kind, now), now);
    }
  }
  return now;
}

TEST(ContainerHealth, IsReadyWithTheFirstPass) {
  model::Container spec;
  spec.readiness_probe = probe_every(10s);
  ContainerHealth health(spec, kStart);
  EXPECT_TRUE(health.is_started());
  EXPECT_FALSE(health.is_ready());
  EXPECT_EQ(health.due(kStart), std::vector{ProbeKind::Readiness});
  health.begin(ProbeKind::Readiness, kStart);
  EXPECT_FALSE(health.next_due());
  health.finish(ProbeKind::Readiness, Result::Passed, kStart);
  EXPECT_TRUE(health.is_ready());
  EXPECT_EQ(health.next_due(), kStart + 10s);
}

TEST(ContainerHealth, WaitsForTheInitialDelay) {
  model::Container spec;
  spec.readiness_probe = probe_every(10s);
  spec.readiness_probe->initial_delay = 7s;
  const ContainerHealth health(spec, kStart);
  EXPECT_EQ(health.next_due(), kStart + 7s);
  EXPECT_TRUE(health.due(kStart + 6s).empty());
}

TEST(ContainerHealth, TurnsAfterAsManyResultsInARowAsItsThresholdsSay) {
  model::Container spec;
  spec.readiness_probe = probe_every(1s);
  spec.readiness_probe->success_threshold = 2;
  spec.readiness_probe->failure_threshold = 3;
  ContainerHealth health(spec, kStart);
  std::string seen;
  Time now = kStart;
  for (const char result : std::string("++--+---++-+-+")) {
    health.begin(ProbeKind::Readiness, now);
    health.finish(ProbeKind::Readiness, result == '+' ? Result::Passed : Result::Failed, now);
    seen += health.is_ready() ? 'r' : '.';
    now += 1s;
  }
  EXPECT_EQ(seen, ".rrrrrr..rrrrr");
}

TEST(ContainerHealth, StartupHoldsTheOthersBack) {
  model::Container spec;
  spec.startup_probe = probe_every(1s);
  spec.readiness_probe = probe_every(5s);
  spec.liveness_probe = probe_every(5s);
  spec.liveness_probe->initial_delay = 60s;
  ContainerHealth health(spec, kStart);
  EXPECT_FALSE(health.is_started());
  EXPECT_EQ(health.due(kStart + 30s), std::vector{ProbeKind::Startup});
  health.begin(ProbeKind::Startup, kStart + 30s);
  health.finish(ProbeKind::Startup, Result::Passed, kStart + 30s);
  EXPECT_TRUE(health.is_started());
  EXPECT_FALSE(health.is_ready());
  EXPECT_EQ(health.due(kStart + 30s), std::vector{ProbeKind::Readiness});
  EXPECT_EQ(health.due(kStart + 60s), (std::vector{ProbeKind::Readiness, ProbeKind::Liveness}));
}

TEST(ContainerHealth, StartedWithoutReadinessProbeIsReady) {
  model::Container spec;
  spec.startup_probe = probe_every(1s);
  ContainerHealth health(spec, kStart);
  EXPECT_FALSE(health.is_ready());
  run_health(health, kStart + 10s, [](ProbeKind, Time) { return Result::Passed; });
  EXPECT_TRUE(health.is_ready());
  EXPECT_FALSE(health.next_due());  // a startup probe that passed is over
}

TEST(ContainerHealth, LivenessAndStartupEndTheContainerOnce) {
  for (const ProbeKind kind : {ProbeKind::Liveness, ProbeKind::Startup}) {
    model::Container spec;
    (kind == ProbeKind::Startup ? spec.startup_probe : spec.liveness_probe) = probe_every(1s);
    ContainerHealth health(spec, kStart);
    for (int attempt = 1; attempt <= 3; ++attempt) {
      const Time now = kStart + attempt * 1s;
      health.begin(kind, now);
      EXPECT_EQ(health.finish(kind, Result::Failed, now).is_dead, attempt == 3) << attempt;
    }
    EXPECT_FALSE(health.next_due());
    EXPECT_EQ(health.is_ready(), kind == ProbeKind::Liveness);  // it is no reason not to be ready
  }
}

TEST(ContainerHealth, OnlyReadinessIsAskedWhileAContainerEnds) {
  model::Container spec;
  spec.readiness_probe = probe_every(1s);
  spec.liveness_probe = probe_every(1s);
  ContainerHealth health(spec, kStart);
  health.begin(ProbeKind::Liveness, kStart);
  health.begin_termination();
  EXPECT_FALSE(health.finish(ProbeKind::Liveness, Result::Failed, kStart).is_dead);
  run_health(health, kStart + 5s, [](ProbeKind kind, Time) {
    EXPECT_EQ(kind, ProbeKind::Readiness);
    return Result::Passed;
  });
  EXPECT_TRUE(health.is_ready());
}

TEST(ContainerHealth, RefusedConnectionsOfTheFirstPeriodAreTriedAgainSoon) {
  model::Container spec;
  spec.liveness_probe = probe_every(10s);
  spec.liveness_probe->failure_threshold = 1;
  ContainerHealth health(spec, kStart);
  std::vector<std::chrono::nanoseconds> at;
  Time now = kStart;
  ContainerHealth::Verdict verdict;
  do {
    now = *health.next_due();
    at.push_back(now - kStart);
    health.begin(ProbeKind::Liveness, now);
    verdict = health.finish(ProbeKind::Liveness, Result::Refused, now);
  } while (!verdict.counts);
  EXPECT_EQ(at, (std::vector<std::chrono::nanoseconds>{0ms, 50ms, 150ms, 350ms, 750ms, 1550ms, 3150ms, 6350ms,
                                                       10000ms}));
  EXPECT_TRUE(verdict.is_dead);
}

TEST(ContainerHealth, WhatListenedOnceIsNotForgivenARefusal) {
  model::Container spec;
  spec.readiness_probe = probe_every(10s);
  ContainerHealth health(spec, kStart);
  health.begin(ProbeKind::Readiness, kStart);
  health.finish(ProbeKind::Readiness, Result::Failed, kStart);
  health.begin(ProbeKind::Readiness, kStart + 1s);
  EXPECT_TRUE(health.finish(ProbeKind::Readiness, Result::Refused, kStart + 1s).counts);
}

TEST(ContainerHealth, SlowAnswerIsNotMadeUpFor) {
  model::Container spec;
  spec.readiness_probe = probe_every(1s);
  ContainerHealth health(spec, kStart);
  health.begin(ProbeKind::Readiness, kStart);
  health.finish(ProbeKind::Readiness, Result::Failed, kStart + 5s);
  EXPECT_EQ(health.next_due(), kStart + 5s);
  health.begin(ProbeKind::Readiness, kStart + 5s);
  health.finish(ProbeKind::Readiness, Result::Failed, kStart + 5s);
  EXPECT_EQ(health.next_due(), kStart + 6s);
}

// Readiness as one would write it down without a machine: the last run of equal results that was long enough.
bool expected_readiness(const std::vector<bool>& results, const model::ContainerProbe& probe) {
  bool is_ready = false;
  std::size_t in_a_row = 0;
  for (std::size_t index = 0; index < results.size(); ++index) {
    in_a_row = index > 0 && results[index] == results[index - 1] ? in_a_row + 1 : 1;
    const int threshold = results[index] ? probe.success_threshold : probe.failure_threshold;
    is_ready = in_a_row >= static_cast<std::size_t>(threshold) ? results[index] : is_ready;
  }
  return is_ready;
}

TEST(ContainerHealth, AgreesWithItsDefinitionForThousandsOfProbes) {
  std::mt19937 random(7);
  const auto between = [&](int low, int high) { return std::uniform_int_distribution(low, high)(random); };
  for (int round = 0; round < 5'000; ++round) {
    model::Container spec;
    spec.readiness_probe = probe_every(std::chrono::seconds(between(1, 20)));
    spec.readiness_probe->success_threshold = between(1, 4);
    spec.readiness_probe->failure_threshold = between(1, 4);
    spec.readiness_probe->initial_delay = std::chrono::seconds(between(0, 5));
    ContainerHealth health(spec, kStart);
    std::vector<bool> results;
    const Time end = kStart + std::chrono::seconds(between(0, 200));
    const int luck = between(1, 9);
    run_health(health, end, [&](ProbeKind, Time) {
      results.push_back(between(1, 10) <= luck);
      return results.back() ? Result::Passed : Result::Failed;
    });
    const auto tries =
        end < kStart + spec.readiness_probe->initial_delay
            ? 0
            : (end - kStart - spec.readiness_probe->initial_delay) / spec.readiness_probe->period + 1;
    ASSERT_EQ(static_cast<std::int64_t>(results.size()), tries);
    ASSERT_EQ(health.is_ready(), expected_readiness(results, *spec.readiness_probe)) << "round " << round;
  }
}

// With any answers at all: each begun probe is one that may be, and a dead container is told once.
TEST(ContainerHealth, KeepsItsPromisesWhateverComes) {
  std::mt19937 random(11);
  for (int round = 0; round < 2'000; ++round) {
    model::Container spec;
    spec.startup_probe = probe_every(2s);
    spec.readiness_probe = probe_every(3s);
    spec.liveness_probe = probe_every(1s);
    ContainerHealth health(spec, kStart);
    int deaths = 0;
    Time now = kStart;
    for (int step = 0; step < 60 && health.next_due(); ++step) {
      now = std::max(now, *health.next_due());
      for (const ProbeKind kind : health.due(now)) {
        ASSERT_TRUE(kind == ProbeKind::Startup ? !health.is_started() : health.is_started());
        health.begin(kind, now);
        const auto result = static_cast<Result>(random() % 3);
        deaths += health.finish(kind, result, now).is_dead ? 1 : 0;
        ASSERT_LE(deaths, 1);
        ASSERT_TRUE(!health.is_ready() || health.is_started());
      }
    }
  }
}

}  // namespace
}  // namespace labctl::kubelet::testing
