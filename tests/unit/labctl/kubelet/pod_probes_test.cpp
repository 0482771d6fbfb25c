// What probes and lifecycle hooks make of a pod: exec probes whose programs end as the test says.

#include "labctl/kubelet/pod_life.hpp"
#include "tests/unit/labctl/kubelet/pod_life_fakes.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace labctl::kubelet::testing {
namespace {

using namespace std::chrono_literals;
using Kind = ContainerState::Kind;
using ActionKind = model::ContainerAction::Kind;

model::ContainerAction exec_action(const std::string& command) {
  model::ContainerAction action;
  action.kind = ActionKind::Exec;
  action.command = {command};
  return action;
}

model::ContainerProbe exec_probe(const std::string& command) {
  model::ContainerProbe probe;
  probe.action = exec_action(command);
  return probe;
}

class PodProbesTest : public ::testing::Test {
 protected:
  PodLifeHooks hooks() {
    PodLifeHooks result;
    result.on_change = [this](const PodReport& report) { last = report; };
    result.on_stopped = [this](const PodReport&) { ++stopped; };
    result.on_event = [this](const model::PodKey&, const PodEvent& event) {
      events.push_back((event.is_warning ? "! " : "") + event.reason + ": " + event.message);
    };
    return result;
  }
  const ContainerStatus& status() const { return last.containers.containers.at(0); }
  // The next probe, once it is due, ends like that.
  void answer(const loop::CapturedEnd& end, std::chrono::milliseconds after = 0ms) {
    loop.advance(after);
    ASSERT_EQ(runtime.executed.size(), 1u);
    runtime.end_execution(end);
    loop.advance(0ms);
  }
  void start() {
    life.start(pod, {7, "web-0", {}, {}, 8});
    events.clear();
  }

  FakeClock clock;
  FakeLoop loop{clock};
  FakeRuntime runtime;
  PodReport last;
  int stopped = 0;
  std::vector<std::string> events;
  PodLife life{loop, clock, runtime, {}, hooks()};
  model::Pod pod = make_pod({"a"});
  model::Container& container = pod.containers[0];
};

TEST_F(PodProbesTest, ReadinessComesGoesAndComesBack) {
  container.readiness_probe = exec_probe("check");
  start();
  EXPECT_EQ(status().state.kind, Kind::Running);
  EXPECT_TRUE(status().is_started);
  EXPECT_FALSE(status().is_ready);
  answer({});
  EXPECT_TRUE(status().is_ready);
  for (int attempt = 1; attempt <= 3; ++attempt) {
    EXPECT_TRUE(status().is_ready);
    answer({"no such file\n", "exit status 1"}, 10s);
  }
  EXPECT_FALSE(status().is_ready);
  EXPECT_EQ(events, std::vector<std::string>(3, "! Unhealthy: Readiness probe failed: no such file"));
  answer({}, 10s);
  EXPECT_TRUE(status().is_ready);
  EXPECT_EQ(status().restart_count, 0);
}

TEST_F(PodProbesTest, ProgramThatTakesTooLongHasFailed) {
  container.readiness_probe = exec_probe("check");
  container.readiness_probe->timeout = 4s;
  start();
  loop.advance(0ms);
  EXPECT_EQ(runtime.executed.at(0).deadline, 4s);
  EXPECT_EQ(runtime.executed.at(0).options.argv, std::vector<std::string>{"check"});
  answer({"", "timeout"});
  EXPECT_EQ(events,
            std::vector<std::string>{
                "! Unhealthy: Readiness probe failed: command timed out: \"check\" timed out after 4s"});
}

TEST_F(PodProbesTest, LivenessRestartsTheContainer) {
  container.liveness_probe = exec_probe("check");
  container.liveness_probe->failure_threshold = 1;
  pod.termination_grace = 12s;
  start();
  answer({"", "exit status 1"});
  EXPECT_EQ(events,
            (std::vector<std::string>{"! Unhealthy: Liveness probe failed: exit status 1",
                                      "Killing: Container a failed liveness probe, will be restarted"}));
  EXPECT_EQ(runtime.running("a").stopped_with, 12s);
  runtime.end("a", {143, 15, ""});
  EXPECT_EQ(status().state.kind, Kind::Running);
  EXPECT_EQ(status().restart_count, 1);
  answer({"", "exit status 1"});  // the new one is probed anew
  EXPECT_EQ(events.back(), "Killing: Container a failed liveness probe, will be restarted");
}

TEST_F(PodProbesTest, ContainerThatDiesOfItsProbeHasFailedHoweverItEnds) {
  container.liveness_probe = exec_probe("check");
  container.liveness_probe->failure_threshold = 1;
  container.liveness_probe->termination_grace = 3s;
  pod.restart_policy = model::RestartPolicy::OnFailure;
  start();
  answer({"", "exit status 1"});
  EXPECT_EQ(runtime.running("a").stopped_with, 3s);
  runtime.end("a", {0, 0, ""});
  EXPECT_EQ(status().restart_count, 1);
}

TEST_F(PodProbesTest, NothingIsRestartedThatNeverIs) {
  container.liveness_probe = exec_probe("check");
  container.liveness_probe->failure_threshold = 1;
  pod.restart_policy = model::RestartPolicy::Never;
  start();
  answer({"", "exit status 1"});
  EXPECT_EQ(events.back(), "Killing: Container a failed liveness probe");
  runtime.end("a", {143, 15, ""});
  EXPECT_EQ(status().state.kind, Kind::Terminated);
}

TEST_F(PodProbesTest, StartupHoldsTheOthersBackAndSetsStarted) {
  container.startup_probe = exec_probe("up");
  container.startup_probe->period = 1s;
  container.readiness_probe = exec_probe("ready");
  container.liveness_probe = exec_probe("live");
  start();
  EXPECT_FALSE(status().is_started);
  answer({"", "exit status 1"});
  loop.advance(1s);
  ASSERT_EQ(runtime.executed.size(), 1u);
  EXPECT_EQ(runtime.executed[0].options.argv[0], "up");
  answer({});
  EXPECT_TRUE(status().is_started);
  EXPECT_FALSE(status().is_ready);
  ASSERT_EQ(runtime.executed.size(), 2u);
  EXPECT_EQ(runtime.executed[0].options.argv[0], "ready");
  EXPECT_EQ(runtime.executed[1].options.argv[0], "live");
}

TEST_F(PodProbesTest, ReadinessGoesOnWhileThePodIsDeleted) {
  container.readiness_probe = exec_probe("check");
  container.readiness_probe->failure_threshold = 1;
  container.liveness_probe = exec_probe("live");
  start();
  loop.advance(0ms);
  runtime.end_execution({});
  runtime.end_execution({});
  loop.advance(0ms);
  EXPECT_TRUE(status().is_ready);
  life.stop(pod.key, 30s);
  EXPECT_TRUE(status().is_ready);
  answer({"", "exit status 1"}, 10s);
  EXPECT_FALSE(status().is_ready);
  answer({}, 10s);
  EXPECT_TRUE(status().is_ready);
  runtime.end("a", {0, 0, ""});
  EXPECT_EQ(stopped, 1);
  EXPECT_EQ(loop.timers(), 0u);
}

TEST_F(PodProbesTest, StopToldAgainDoesNotPutTheEndOff) {
  start();
  life.stop(pod.key, 30s);
  runtime.running("a").stopped_with.reset();
  loop.advance(10s);
  life.stop(pod.key, 30s);
  EXPECT_FALSE(runtime.running("a").stopped_with);
  life.stop(pod.key, 5s);
  EXPECT_EQ(runtime.running("a").stopped_with, 5s);
}

TEST_F(PodProbesTest, HookRunsBeforeTheSignalAndWithinTheGrace) {
  container.pre_stop = exec_action("drain");
  start();
  life.stop(pod.key, 30s);
  EXPECT_FALSE(runtime.running("a").stopped_with);
  answer({}, 20s);
  EXPECT_EQ(runtime.running("a").stopped_with, 10s);
  runtime.end("a", {0, 0, ""});
  EXPECT_EQ(stopped, 1);
  EXPECT_EQ(loop.timers(), 0u);
}

TEST_F(PodProbesTest, HookThatOutlastsTheGraceLeavesTwoSeconds) {
  container.pre_stop = exec_action("drain");
  start();
  life.stop(pod.key, 30s);
  loop.advance(30s);
  EXPECT_EQ(runtime.running("a").stopped_with, 2s);
  EXPECT_EQ(events.back(), "! FailedPreStopHook: PreStopHook failed");
  runtime.end_execution({"", "timeout"});  // it was killed at last: too late to matter
  loop.advance(1s);
  EXPECT_EQ(runtime.running("a").stopped_with, 2s);
}

TEST_F(PodProbesTest, ShorterGraceShortensTheHook) {
  container.pre_stop = model::ContainerAction{};
  container.pre_stop->kind = ActionKind::Sleep;
  container.pre_stop->duration = 20s;
  start();
  life.stop(pod.key, 30s);
  loop.advance(5s);
  life.stop(pod.key, 1s);
  EXPECT_FALSE(runtime.running("a").stopped_with);
  loop.advance(1s);
  EXPECT_EQ(runtime.running("a").stopped_with, 2s);
  life.stop(pod.key, 0s);
  EXPECT_EQ(runtime.running("a").stopped_with, 0s);
}

TEST_F(PodProbesTest, WithoutGraceNoHookIsRun) {
  container.pre_stop = exec_action("drain");
  start();
  life.stop(pod.key, 0s);
  EXPECT_EQ(runtime.running("a").stopped_with, 0s);
  EXPECT_TRUE(runtime.executed.empty());
}

TEST_F(PodProbesTest, HookThatPausesIsCountedInTheGrace) {
  container.pre_stop = model::ContainerAction{};
  container.pre_stop->kind = ActionKind::Sleep;
  container.pre_stop->duration = 4s;
  start();
  life.stop(pod.key, 30s);
  loop.advance(4s);
  EXPECT_EQ(runtime.running("a").stopped_with, 26s);
}

TEST_F(PodProbesTest, UnknownPortNameIsTold) {
  container.readiness_probe = model::ContainerProbe{};
  container.readiness_probe->action.kind = ActionKind::HttpGet;
  container.readiness_probe->action.port_name = "web";
  start();
  loop.advance(0ms);
  EXPECT_EQ(events,
            std::vector<std::string>{"! Unhealthy: Readiness probe failed: couldn't find port: \"web\" in "
                                     "container a"});
}

TEST_F(PodProbesTest, MoreProgramsThanMayRunWaitForTheirTurn) {
  container.readiness_probe = exec_probe("check");
  const std::size_t count = ContainerActions::kExecsMax + 5;
  for (std::size_t index = 0; index < count; ++index) {
    pod.key.name = "web-" + std::to_string(index);
    start();
  }
  loop.advance(0ms);
  EXPECT_EQ(runtime.executed.size(), ContainerActions::kExecsMax);
  life.stop({"default", "web-" + std::to_string(count - 1)}, 0s);
  runtime.end("a", {});  // the newest: its probe still waited
  for (std::size_t index = 0; index < count - 1; ++index) {
    ASSERT_FALSE(runtime.executed.empty()) << index;
    runtime.end_execution({});
  }
  EXPECT_TRUE(runtime.executed.empty());
}

TEST_F(PodProbesTest, PodsWithoutProbesHaveNoTimers) {
  start();
  EXPECT_EQ(loop.timers(), 0u);
  EXPECT_TRUE(status().is_ready);
}

TEST_F(PodProbesTest, ContainerRunsOnceItsPostStartHookHasPassed) {
  pod = make_pod({"a", "b"});
  pod.containers[0].post_start = exec_action("prepare");
  pod.containers[0].readiness_probe = exec_probe("check");
  start();
  EXPECT_EQ(status().state.reason, "ContainerCreating");
  EXPECT_EQ(runtime.order, std::vector<std::string>{"a"}) << "the next one waits";
  loop.advance(1min);
  ASSERT_EQ(runtime.executed.size(), 1u) << "no probe yet";
  answer({});
  EXPECT_EQ(status().state.kind, Kind::Running);
  EXPECT_EQ(runtime.order.back(), "b");
  EXPECT_EQ(runtime.executed.size(), 1u) << "the probe";
}

TEST_F(PodProbesTest, FailedPostStartHookEndsTheContainerWhichStartsAgain) {
  container.post_start = exec_action("prepare");
  start();
  answer({"no\n", "exit status 1"});
  EXPECT_EQ(events, (std::vector<std::string>{"! FailedPostStartHook: PostStartHook failed",
                                              "Killing: FailedPostStartHook"}));
  EXPECT_EQ(runtime.running("a").stopped_with, 30s);
  runtime.end("a", {0, 0, ""});
  EXPECT_EQ(runtime.order.size(), 2u);
  answer({});
  EXPECT_EQ(status().state.kind, Kind::Running);
  EXPECT_EQ(status().restart_count, 1);
}

TEST_F(PodProbesTest, ContainerThatEndsDuringItsPostStartHookHasEnded) {
  container.post_start = exec_action("prepare");
  pod.restart_policy = model::RestartPolicy::Never;
  start();
  runtime.end("a", {3, 0, ""});
  EXPECT_EQ(status().state.exit_code, 3);
  runtime.end_execution({});
  loop.advance(0ms);
  EXPECT_EQ(status().state.kind, Kind::Terminated);
}

TEST_F(PodProbesTest, PodThatIsDeletedDuringAPostStartHookEnds) {
  container.post_start = exec_action("prepare");
  start();
  life.stop(pod.key, 5s);
  EXPECT_EQ(stopped, 0);
  EXPECT_EQ(runtime.running("a").stopped_with, 5s);
  runtime.end("a", {143, 15, ""});
  EXPECT_EQ(stopped, 1);
}

}  // namespace
}  // namespace labctl::kubelet::testing
