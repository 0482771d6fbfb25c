// Init containers that stay beside the others: who waits for whom, at the start and in the end.

#include "labctl/kubelet/pod_life.hpp"
#include "labctl/kubelet/stand_in.hpp"
#include "tests/unit/labctl/kubelet/pod_life_fakes.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace labctl::kubelet::testing {
namespace {

using namespace std::chrono_literals;
using SidecarState = ContainerState::Kind;
using Names = std::vector<std::string>;

class Sidecars : public ::testing::Test {
 protected:
  Sidecars() {
    for (const std::size_t index : {0, 1}) {
      pod.init_containers[index].is_sidecar = true;
    }
    pod.restart_policy = model::RestartPolicy::Never;
  }
  PodLifeHooks hooks() {
    PodLifeHooks result;
    result.on_change = [this](const PodReport& report) { last = report; };
    result.on_stopped = [this](const PodReport& report) {
      last = report;
      ++stopped;
    };
    result.on_event = [this](const model::PodKey&, const PodEvent& event) {
      events.push_back(event.reason + ": " + event.message);
    };
    return result;
  }
  static model::ContainerProbe check() {
    model::ContainerProbe probe;
    probe.action.kind = model::ContainerAction::Kind::Exec;
    probe.action.command = {"check"};
    return probe;
  }
  void start() { life.start(pod, {7, "web-0", {}, {}, 8}); }
  // Those that were told to end, in the pod's order.
  Names told_to_end() {
    Names names;
    for (const auto& [id, run] : runtime.runs) {
      if (run.stopped_with && run.is_running) {
        names.push_back(run.spec.container);
      }
    }
    return names;
  }
  const ContainerStatus& sidecar(std::size_t index) const {
    return last.containers.init_containers.at(index);
  }

  FakeClock clock;
  FakeLoop loop{clock};
  FakeRuntime runtime;
  PodReport last;
  int stopped = 0;
  Names events;
  PodLife life{loop, clock, runtime, {}, hooks()};
  model::Pod pod = make_pod({"app", "helper"}, {"proxy", "log", "migrate"});
};

TEST_F(Sidecars, StartInOrderAndStay) {
  start();
  EXPECT_EQ(runtime.order, (Names{"proxy", "log", "migrate"}));
  EXPECT_TRUE(sidecar(0).is_ready);
  runtime.end("migrate", {});
  EXPECT_EQ(runtime.order, (Names{"proxy", "log", "migrate", "app", "helper"}));
  EXPECT_EQ(sidecar(0).state.kind, SidecarState::Running);
}

TEST_F(Sidecars, StartupProbeHoldsTheNextBack) {
  pod.init_containers[0].startup_probe = check();
  start();
  loop.advance(0ms);
  EXPECT_EQ(runtime.order, Names{"proxy"});
  EXPECT_FALSE(sidecar(0).is_started);
  runtime.end_execution({});
  loop.advance(0ms);
  EXPECT_EQ(runtime.order, (Names{"proxy", "log", "migrate"}));
}

TEST_F(Sidecars, ReadinessProbeHoldsNobodyBack) {
  pod.init_containers[0].readiness_probe = check();
  start();
  EXPECT_EQ(runtime.order.size(), 3u);
  EXPECT_FALSE(sidecar(0).is_ready);
  loop.advance(0ms);
  runtime.end_execution({});
  loop.advance(0ms);
  EXPECT_TRUE(sidecar(0).is_ready);
}

TEST_F(Sidecars, StartAgainWhateverThePodsPolicyAndHoldNobodyBackThen) {
  start();
  runtime.end("proxy", {1, 0, ""});
  EXPECT_EQ(sidecar(0).restart_count, 1);
  runtime.end("proxy", {1, 0, ""});
  EXPECT_EQ(sidecar(0).state.reason, "CrashLoopBackOff");
  runtime.end("migrate", {});
  EXPECT_EQ(runtime.order.back(), "helper") << "it was up once";
  loop.advance(500ms);
  EXPECT_EQ(sidecar(0).state.kind, SidecarState::Running);
}

TEST_F(Sidecars, EndAfterTheOthersInReverseOrder) {
  start();
  runtime.end("migrate", {});
  life.stop(pod.key, 30s);
  EXPECT_EQ(told_to_end(), (Names{"app", "helper"}));
  runtime.end("app", {143, 15, ""});
  EXPECT_EQ(told_to_end(), Names{"helper"});
  loop.advance(10s);
  runtime.end("helper", {143, 15, ""});
  EXPECT_EQ(told_to_end(), Names{"log"});
  EXPECT_EQ(runtime.running("log").stopped_with, 20s) << "what the wait left of the grace";
  runtime.end("log", {143, 15, ""});
  EXPECT_EQ(told_to_end(), Names{"proxy"});
  EXPECT_EQ(stopped, 0);
  runtime.end("proxy", {143, 15, ""});
  EXPECT_EQ(stopped, 1);
}

TEST_F(Sidecars, WaitForTheirTurnNoLongerThanTheGrace) {
  start();
  runtime.end("migrate", {});
  life.stop(pod.key, 5s);
  loop.advance(5s);
  EXPECT_EQ(told_to_end(), (Names{"proxy", "log", "app", "helper"}));
  EXPECT_EQ(runtime.running("proxy").stopped_with, 2s) << "as little as the kubelet gives";
}

TEST_F(Sidecars, AreEndedAtOnceWithoutGrace) {
  start();
  runtime.end("migrate", {});
  life.stop(pod.key, 0s);
  EXPECT_EQ(told_to_end().size(), 4u);
}

TEST_F(Sidecars, EndWhenTheOthersAreDone) {
  start();
  runtime.end("migrate", {});
  runtime.end("app", {});
  EXPECT_TRUE(told_to_end().empty());
  runtime.end("helper", {});
  EXPECT_EQ(told_to_end(), Names{"log"});
  EXPECT_EQ(events.back(), "Killing: Stopping container log");
  runtime.end("log", {143, 15, ""});
  runtime.end("proxy", {143, 15, ""});
  EXPECT_EQ(sidecar(0).state.kind, SidecarState::Terminated) << "and do not start again";
  EXPECT_EQ(loop.timers(), 0u);
}

TEST_F(Sidecars, EndWhenAnInitContainerHasFailed) {
  start();
  runtime.end("migrate", {1, 0, ""});
  EXPECT_EQ(told_to_end(), Names{"log"});
}

TEST_F(Sidecars, OfUnknownImagesAreStoodInForAndStay) {
  pod.init_containers[0].image = "example.org/proxy:1";
  pod.init_containers[0].command.clear();
  start();
  EXPECT_EQ(runtime.running("proxy").spec.choice.way, ImageChoice::Way::StandIn);
}

nlohmann::json pod_of_sidecar() {
  return nlohmann::json::parse(R"({"metadata": {"name": "p"}, "spec": {"restartPolicy": "OnFailure",
      "initContainers": [{"name": "proxy", "restartPolicy": "Always"}], "containers": [{"name": "app"}]}})");
}

ContainerStatus status_in(const char* name, SidecarState kind, bool is_ready) {
  ContainerStatus status;
  status.name = name;
  status.state.kind = kind;
  status.is_ready = status.is_started = is_ready;
  return status;
}

std::string ready_message(const nlohmann::json& status) {
  for (const nlohmann::json& condition : status.at("conditions")) {
    if (condition.at("type") == "Ready") {
      return condition.value("message", "");
    }
  }
  return "no condition";
}

TEST(SidecarStatus, AnUnreadySidecarMakesThePodUnready) {
  const auto status = pod_status(
      pod_of_sidecar(),
      {{status_in("proxy", SidecarState::Running, false)}, {status_in("app", SidecarState::Running, false)}},
      {});
  EXPECT_EQ(ready_message(status), "containers with unready status: [proxy app]");
  EXPECT_EQ(status.at("phase"), "Running");
  EXPECT_EQ(status.at("initContainerStatuses")[0].at("ready"), false);
}

TEST(SidecarStatus, ThePodRunsUntilItsSidecarsHaveEnded) {
  const ContainerStatus done = status_in("app", SidecarState::Terminated, false);
  EXPECT_EQ(phase_from(pod_of_sidecar(), {{status_in("proxy", SidecarState::Running, true)}, {done}}),
            "Running");
  EXPECT_EQ(phase_from(pod_of_sidecar(), {{status_in("proxy", SidecarState::Terminated, false)}, {done}}),
            "Succeeded");
}

}  // namespace
}  // namespace labctl::kubelet::testing
