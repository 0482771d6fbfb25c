#include "labctl/kubelet/stand_in.hpp"

#include "labctl/kubelet/pod_life.hpp"
#include "tests/unit/labctl/kubelet/pod_life_fakes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace labctl::kubelet::testing {
namespace {

using namespace std::chrono_literals;
using ActionKind = model::ContainerAction::Kind;

model::ContainerProbe probe(ActionKind kind, std::uint16_t port) {
  model::ContainerProbe result;
  result.action.kind = kind;
  result.action.port = port;
  return result;
}

model::ContainerProbe exec_probe() {
  model::ContainerProbe result = probe(ActionKind::Exec, 0);
  result.action.command = {"pg_isready"};
  return result;
}

model::ContainerPort declared(std::uint16_t number, model::Protocol protocol = model::Protocol::Tcp) {
  return {"", number, 0, protocol};
}

model::Pod stand_ins(const std::vector<std::string>& names) {
  model::Pod pod = make_pod(names);
  for (model::Container& container : pod.containers) {
    container.image = "example.org/" + container.name + ":1";
    container.command.clear();
  }
  return pod;
}

// "80 53/UDP": as a container of a pod of stand-ins serves them, but for those in `programs`.
std::string served(const model::Pod& pod, std::size_t index, const std::vector<std::size_t>& programs = {}) {
  const auto is_stand_in = [&](std::size_t at) {
    return std::find(programs.begin(), programs.end(), at) == programs.end();
  };
  std::string text;
  for (const model::ContainerPort& port : stand_in_ports(pod, index, is_stand_in)) {
    text += (text.empty() ? "" : " ") + std::to_string(port.container_port) +
            (port.protocol == model::Protocol::Tcp ? "" : "/" + std::string(to_string(port.protocol)));
  }
  return text;
}

TEST(StandIn, ServesWhatItDeclaresAndWhatItsProbesAndHooksAskFor) {
  model::Pod pod = stand_ins({"app"});
  model::Container& app = pod.containers[0];
  app.ports = {declared(8080), declared(53, model::Protocol::Udp)};
  app.readiness_probe = probe(ActionKind::HttpGet, 8080);
  app.liveness_probe = probe(ActionKind::TcpSocket, 9000);
  app.startup_probe = probe(ActionKind::Grpc, 53);
  app.pre_stop = probe(ActionKind::HttpGet, 9001).action;
  EXPECT_EQ(served(pod, 0), "8080 53/UDP 53 9000 9001");
}

TEST(StandIn, AnotherHostsPortIsNotServed) {
  model::Pod pod = stand_ins({"app"});
  model::Container& app = pod.containers[0];
  app.readiness_probe = probe(ActionKind::HttpGet, 80);
  app.readiness_probe->action.host = "192.0.2.7";
  app.liveness_probe = probe(ActionKind::HttpGet, 81);
  app.liveness_probe->action.host = "127.0.0.1";
  app.startup_probe = probe(ActionKind::HttpGet, 82);
  app.startup_probe->action.host = "example.org";
  EXPECT_EQ(served(pod, 0), "81");
}

TEST(StandIn, ExecProbesAndNamedPortsAskForNoneOfTheirOwn) {
  model::Pod pod = stand_ins({"app"});
  pod.containers[0].readiness_probe = exec_probe();
  pod.containers[0].liveness_probe = probe(ActionKind::HttpGet, 0);
  pod.containers[0].liveness_probe->action.port_name = "http";
  EXPECT_EQ(served(pod, 0), "");
}

TEST(StandIn, PortThatAnotherContainerDeclaresIsTheOthers) {
  model::Pod pod = stand_ins({"sidecar", "app"});
  pod.containers[0].readiness_probe = probe(ActionKind::HttpGet, 80);
  pod.containers[1].ports = {declared(80)};
  EXPECT_EQ(served(pod, 0), "");
  EXPECT_EQ(served(pod, 1), "80");
  EXPECT_EQ(served(pod, 0, {1}), "");
}

TEST(StandIn, PortThatTwoStandInsAskForIsTheFirstOnes) {
  model::Pod pod = stand_ins({"a", "b"});
  pod.containers[0].readiness_probe = pod.containers[1].readiness_probe = probe(ActionKind::TcpSocket, 80);
  EXPECT_EQ(served(pod, 0), "80");
  EXPECT_EQ(served(pod, 1), "");
  // A program may listen there, or not: nobody else says that it does.
  EXPECT_EQ(served(pod, 1, {0}), "80");
}

TEST(StandIn, PortDeclaredTwiceIsOpenedTwiceAsOnACluster) {
  model::Pod pod = stand_ins({"a", "b"});
  pod.containers[0].ports = pod.containers[1].ports = {declared(80)};
  EXPECT_EQ(served(pod, 1), "80");
}

class StandInLife : public ::testing::Test {
 protected:
  PodLife make(model::StandInProbes probes) {
    PodLifeOptions options;
    options.stand_in_probes = probes;
    PodLifeHooks hooks;
    hooks.on_change = [this](const PodReport& report) { last = report; };
    return PodLife(loop, clock, runtime, options, hooks);
  }
  const ContainerStatus& status() const { return last.containers.containers.at(0); }

  FakeClock clock;
  FakeLoop loop{clock};
  FakeRuntime runtime;
  PodReport last;
};

TEST_F(StandInLife, ExecProbesPassAtOnceAndRunNothing) {
  PodLife life = make(model::StandInProbes::Answered);
  model::Pod pod = stand_ins({"db"});
  pod.containers[0].startup_probe = exec_probe();
  pod.containers[0].startup_probe->initial_delay = 60s;
  pod.containers[0].readiness_probe = exec_probe();
  pod.containers[0].readiness_probe->initial_delay = 60s;
  pod.containers[0].readiness_probe->success_threshold = 3;
  life.start(pod, {7, "db", {}, {}, 8});
  EXPECT_FALSE(status().is_ready);
  loop.advance(0ms);
  EXPECT_TRUE(status().is_started);
  EXPECT_TRUE(status().is_ready);
  EXPECT_TRUE(runtime.executed.empty());
  EXPECT_EQ(status().image_id, kStandInImageId);
}

TEST_F(StandInLife, ExecHooksRunNothing) {
  PodLife life = make(model::StandInProbes::Answered);
  model::Pod pod = stand_ins({"db"});
  pod.containers[0].pre_stop = exec_probe().action;
  life.start(pod, {7, "db", {}, {}, 8});
  life.stop(pod.key, 30s);
  EXPECT_FALSE(runtime.running("db").stopped_with);
  loop.advance(0ms);
  EXPECT_EQ(runtime.running("db").stopped_with, 30s);
  EXPECT_TRUE(runtime.executed.empty());
}

TEST_F(StandInLife, AsWrittenHasTheDelaysAndRunsThePrograms) {
  PodLife life = make(model::StandInProbes::AsWritten);
  model::Pod pod = stand_ins({"db"});
  pod.containers[0].ports = {declared(80)};
  pod.containers[0].readiness_probe = exec_probe();
  pod.containers[0].readiness_probe->initial_delay = 60s;
  pod.containers[0].liveness_probe = probe(ActionKind::TcpSocket, 81);
  pod.containers[0].liveness_probe->initial_delay = 90s;
  life.start(pod, {7, "db", {}, {}, 8});
  loop.advance(59s);
  EXPECT_TRUE(runtime.executed.empty());
  loop.advance(1s);
  EXPECT_EQ(runtime.executed.size(), 1u);
  EXPECT_EQ(runtime.running("db").spec.ports, std::vector{declared(80)});
}

TEST_F(StandInLife, AgnhostHasTheWrittenBehaviour) {
  PodLife life = make(model::StandInProbes::Answered);
  model::Pod pod = stand_ins({"server"});
  pod.containers[0].image = "registry.k8s.io/e2e-test-images/agnhost:2.53";
  pod.containers[0].readiness_probe = exec_probe();
  pod.containers[0].readiness_probe->initial_delay = 60s;
  life.start(pod, {7, "server", {}, {}, 8});
  loop.advance(60s);
  EXPECT_EQ(runtime.executed.size(), 1u);
  EXPECT_EQ(life.stand_ins().containers, 0u);
}

TEST_F(StandInLife, CountsContainersAndTheirImages) {
  PodLife life = make(model::StandInProbes::Answered);
  model::Pod pod = stand_ins({"a", "b", "c"});
  pod.containers[1].image = pod.containers[0].image;
  pod.init_containers = {pod.containers[2]};
  pod.init_containers[0].name = "init";
  life.start(pod, {7, "web", {}, {}, 8});
  EXPECT_EQ(life.stand_ins().containers, 4u);
  EXPECT_EQ(life.stand_ins().images, 2u);
}

}  // namespace
}  // namespace labctl::kubelet::testing
