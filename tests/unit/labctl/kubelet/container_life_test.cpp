#include "labctl/kubelet/container_life.hpp"

#include "tests/unit/labctl/kubelet/pod_life_fakes.hpp"

#include <gtest/gtest.h>

namespace labctl::kubelet::testing {
namespace {

using namespace std::chrono_literals;
using Kind = ContainerState::Kind;
using Indexes = std::vector<std::size_t>;

class ContainerLifeTest : public ::testing::Test {
 protected:
  // The wait until the container is due again, moving the clock there.
  std::chrono::milliseconds wait_until_due(ContainerLife& life) {
    if (!life.due().empty()) {
      return 0ms;
    }
    const auto delay = std::chrono::ceil<std::chrono::milliseconds>(life.next_due().value() - clock.now());
    clock.advance(delay);
    EXPECT_FALSE(life.due().empty());
    return delay;
  }
  FakeClock clock;
};

TEST_F(ContainerLifeTest, ContainersStartTogether) {
  const ContainerLife life(make_pod({"a", "b"}), clock);
  EXPECT_EQ(life.due(), (Indexes{0, 1}));
  EXPECT_EQ(life.status(0).state.reason, "ContainerCreating");
}

TEST_F(ContainerLifeTest, InitContainersRunOneAfterAnotherBeforeTheOthers) {
  ContainerLife life(make_pod({"app"}, {"first", "second"}), clock);
  EXPECT_EQ(life.due(), Indexes{0});
  EXPECT_EQ(life.status(2).state.reason, "PodInitializing");
  life.started(0, "");
  EXPECT_EQ(life.due(), Indexes{});
  life.exited(0, {});
  EXPECT_EQ(life.due(), Indexes{1});
  life.started(1, "");
  life.exited(1, {});
  EXPECT_EQ(life.due(), Indexes{2});
}

TEST_F(ContainerLifeTest, FailedInitContainerIsRepeatedUnlessThePolicyIsNever) {
  model::Pod pod = make_pod({"app"}, {"init"});
  ContainerLife always(pod, clock);
  always.started(0, "");
  always.exited(0, {1, 0, ""});
  EXPECT_EQ(always.due(), Indexes{0});
  pod.restart_policy = model::RestartPolicy::Never;
  ContainerLife never(pod, clock);
  never.started(0, "");
  never.exited(0, {1, 0, ""});
  EXPECT_EQ(never.due(), Indexes{});
  EXPECT_EQ(never.next_due(), std::nullopt);
}

TEST_F(ContainerLifeTest, FirstRestartIsAtOnceThenWaitsDoubleToThirtySeconds) {
  ContainerLife life(make_pod({"a"}), clock);
  std::vector<std::int64_t> waits;
  for (int round = 0; round < 10; ++round) {
    waits.push_back(wait_until_due(life).count());
    life.started(0, "");
    life.exited(0, {1, 0, ""});
  }
  EXPECT_EQ(waits, (std::vector<std::int64_t>{0, 0, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000}));
  EXPECT_EQ(life.status(0).restart_count, 9);
}

TEST_F(ContainerLifeTest, AMinuteOfRunningForgetsTheBackOff) {
  ContainerLife life(make_pod({"a"}), clock);
  for (int round = 0; round < 5; ++round) {
    wait_until_due(life);
    life.started(0, "");
    life.exited(0, {1, 0, ""});
  }
  wait_until_due(life);
  life.started(0, "");
  clock.advance(60s);
  life.exited(0, {1, 0, ""});
  EXPECT_EQ(wait_until_due(life), 0ms);
}

TEST_F(ContainerLifeTest, WaitingForARestartSaysSoAndKeepsTheLastEnd) {
  ContainerLife life(make_pod({"a"}), clock);
  for (int round = 0; round < 2; ++round) {
    life.started(0, "");
    life.exited(0, {3, 0, "no config"});
  }
  const ContainerStatus& status = life.status(0);
  EXPECT_EQ(status.state.kind, Kind::Waiting);
  EXPECT_EQ(status.state.reason, "CrashLoopBackOff");
  EXPECT_EQ(status.state.message, "back-off 500ms restarting failed container=a pod=web-0_default(u1)");
  ASSERT_TRUE(status.last);
  EXPECT_EQ(status.last->exit_code, 3);
  EXPECT_EQ(status.last->reason, "Error");
  EXPECT_EQ(status.last->message, "no config");
}

TEST_F(ContainerLifeTest, PoliciesDecideWhatIsRestarted) {
  const auto restarts = [&](model::RestartPolicy policy, int code) {
    model::Pod pod = make_pod({"a"});
    pod.restart_policy = policy;
    ContainerLife life(pod, clock);
    life.started(0, "");
    life.exited(0, {code, 0, ""});
    return !life.due().empty();
  };
  EXPECT_TRUE(restarts(model::RestartPolicy::Always, 0));
  EXPECT_TRUE(restarts(model::RestartPolicy::Always, 1));
  EXPECT_FALSE(restarts(model::RestartPolicy::OnFailure, 0));
  EXPECT_TRUE(restarts(model::RestartPolicy::OnFailure, 1));
  EXPECT_FALSE(restarts(model::RestartPolicy::Never, 0));
  EXPECT_FALSE(restarts(model::RestartPolicy::Never, 1));
}

TEST_F(ContainerLifeTest, EndIsReportedWithCodeSignalAndTimes) {
  model::Pod pod = make_pod({"a"});
  pod.restart_policy = model::RestartPolicy::Never;
  ContainerLife life(pod, clock);
  const auto begin = clock.wall();
  life.started(0, "labctl://1");
  EXPECT_TRUE(life.status(0).is_ready);
  clock.advance(5s);
  life.exited(0, {137, 9, ""});
  const ContainerState& state = life.status(0).state;
  EXPECT_EQ(state.kind, Kind::Terminated);
  EXPECT_EQ(state.exit_code, 137);
  EXPECT_EQ(state.signal, 9);
  EXPECT_EQ(state.started_at, begin);
  EXPECT_EQ(state.finished_at, begin + 5s);
  EXPECT_FALSE(life.status(0).is_ready);
}

TEST_F(ContainerLifeTest, ProgramThatIsNotThereEndsAsStartErrorAndIsTriedAgain) {
  ContainerLife life(make_pod({"a"}), clock);
  life.could_not_start(0, "exec a: No such file");
  EXPECT_EQ(life.status(0).state.reason, "StartError");
  EXPECT_EQ(life.status(0).state.exit_code, 128);
  EXPECT_EQ(life.due(), Indexes{0});
  life.could_not_start(0, "exec a: No such file");
  EXPECT_EQ(life.status(0).state.reason, "CrashLoopBackOff");
  EXPECT_EQ(life.status(0).last->message, "exec a: No such file");
  EXPECT_EQ(life.status(0).restart_count, 1);
}

TEST_F(ContainerLifeTest, MisconfiguredContainerStaysWaiting) {
  ContainerLife life(make_pod({"a"}), clock);
  life.misconfigured(0, "CreateContainerConfigError", "no command");
  EXPECT_EQ(life.due(), Indexes{});
  EXPECT_EQ(life.next_due(), std::nullopt);
  EXPECT_EQ(life.status(0).state.kind, Kind::Waiting);
  EXPECT_TRUE(life.is_idle());
}

TEST_F(ContainerLifeTest, NothingStartsOnceStopped) {
  ContainerLife life(make_pod({"a", "b"}), clock);
  life.started(0, "");
  life.stop();
  EXPECT_EQ(life.due(), Indexes{});
  EXPECT_FALSE(life.is_idle());
  life.exited(0, {143, 15, ""});
  EXPECT_EQ(life.due(), Indexes{});
  EXPECT_EQ(life.next_due(), std::nullopt);
  EXPECT_TRUE(life.is_idle());
}

TEST_F(ContainerLifeTest, ReportPartsInitContainersFromTheOthers) {
  const ContainerLife life(make_pod({"app"}, {"init"}), clock);
  const PodContainers report = life.report();
  ASSERT_EQ(report.init_containers.size(), 1u);
  ASSERT_EQ(report.containers.size(), 1u);
  EXPECT_EQ(report.init_containers[0].name, "init");
  EXPECT_EQ(report.containers[0].name, "app");
}

}  // namespace
}  // namespace labctl::kubelet::testing
