#include "labctl/kubelet/pod_life.hpp"

#include "tests/unit/labctl/kubelet/pod_life_fakes.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace labctl::kubelet::testing {
namespace {

using namespace std::chrono_literals;
using Kind = ContainerState::Kind;

class PodLifeTest : public ::testing::Test {
 protected:
  PodLifeOptions options() {
    PodLifeOptions result;
    result.dns.cluster_domain = "cluster.local";
    return result;
  }
  PodLifeHooks hooks() {
    PodLifeHooks result;
    result.on_change = [this](const PodReport& report) { last = report; };
    result.on_stopped = [this](const PodReport& report) { stopped.push_back(report); };
    result.on_event = [this](const model::PodKey&, const PodEvent& event) {
      events.push_back(event.reason + ": " + event.message);
    };
    result.on_notice = [this](std::string_view text) { notices.emplace_back(text); };
    return result;
  }
  const ContainerStatus& status(std::size_t index = 0) const { return last.containers.containers.at(index); }

  FakeClock clock;
  FakeLoop loop{clock};
  FakeRuntime runtime;
  PodReport last;
  std::vector<PodReport> stopped;
  std::vector<std::string> events;
  std::vector<std::string> notices;
  PodLife life{loop, clock, runtime, options(), hooks()};
  const model::PodKey key{"default", "web-0"};
  const PodPlace place{7, "web-0", {*IpAddress::parse("192.168.50.11")}, {}};
};

TEST_F(PodLifeTest, StartsEveryContainerAndReportsThemRunning) {
  life.start(make_pod({"a", "b"}), place);
  EXPECT_EQ(runtime.order, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(last.key, key);
  EXPECT_EQ(last.uid, "u1");
  EXPECT_EQ(status(0).state.kind, Kind::Running);
  EXPECT_TRUE(status(1).is_ready);
  EXPECT_FALSE(status(1).container_id.empty());
}

TEST_F(PodLifeTest, GivesThePodItsFilesAndItsPlace) {
  life.start(make_pod({"a"}), place);
  const PodSite& site = runtime.sites.begin()->second;
  EXPECT_EQ(site.netns_fd, 7);
  EXPECT_EQ(site.hostname, "web-0");
  EXPECT_NE(site.hosts.find("10.244.1.2\tweb-0\n"), std::string::npos);
  EXPECT_NE(site.resolv_conf.find("search default.svc.cluster.local"), std::string::npos);
}

TEST_F(PodLifeTest, ProgramsGetTheIdsThatTheirPodSays) {
  model::Pod pod = make_pod({"a", "b"});
  for (model::Container& container : pod.containers) {
    container.image = "host";
    container.command = {"true"};
  }
  pod.security.run_as_group = 4;
  pod.containers[0].security.run_as_user = 2000000000;
  pod.containers[0].security.read_only_root = true;
  pod.containers[1].security.run_as_user = 0;
  pod.containers[1].security.run_as_non_root = true;
  life.start(pod, place);
  ASSERT_EQ(runtime.order, std::vector<std::string>{"a"});
  const RunSpec& spec = runtime.runs.begin()->second.spec;
  ASSERT_TRUE(spec.ids);
  EXPECT_EQ(spec.ids->uid, 2000000000U);
  EXPECT_EQ(spec.ids->gid, 4U);
  EXPECT_TRUE(spec.read_only_root);
  EXPECT_EQ(spec.env.find("HOME"), "/");
  EXPECT_EQ(status(1).state.reason, "CreateContainerConfigError");
  EXPECT_EQ(status(1).state.message,
            "container's runAsUser breaks non-root policy (pod: \"web-0_default(u1)\", container: b)");
}

TEST_F(PodLifeTest, ALabWithOneIdSaysOnceThatItHasNoOthers) {
  PodLifeOptions one_id = options();
  one_id.maps_ids = false;
  PodLife its{loop, clock, runtime, one_id, hooks()};
  model::Pod pod = make_pod({"a", "b"});
  for (model::Container& container : pod.containers) {
    container.image = "host";
    container.command = {"true"};
  }
  pod.security.run_as_user = 1000;
  its.start(pod, place);
  EXPECT_EQ(notices, std::vector<std::string>{
                         "this lab has one id: runAsUser, runAsGroup, supplementalGroups, fsGroup and users "
                         "of images have no effect"});
  EXPECT_FALSE(runtime.runs.begin()->second.spec.ids);
}

TEST_F(PodLifeTest, AHostnameLongerThanTheKernelTakesKeepsThePodFromStarting) {
  PodPlace its = place;
  its.hostname = "web-0." + std::string(59, 'a');
  life.start(make_pod({"app", "side"}, {"first"}), its);
  EXPECT_TRUE(runtime.order.empty());
  EXPECT_EQ(status(1).state.kind, Kind::Waiting);
  EXPECT_EQ(status(1).state.reason, "CreatePodSandboxError");
  EXPECT_EQ(events, std::vector<std::string>{"FailedCreatePodSandBox: " + status(0).state.message});
  EXPECT_NE(events[0].find("(64 characters is the max, 65 characters requested)"), std::string::npos);
  life.stop(key, 1s);
  EXPECT_EQ(stopped.size(), 1u);

  its.hostname.pop_back();
  life.start(make_pod({"app"}), its);
  EXPECT_EQ(runtime.order, std::vector<std::string>{"app"});
}

TEST_F(PodLifeTest, ExpandsCommandAndArguments) {
  model::Pod pod = make_pod({"a"});
  pod.containers[0].env = {{"NAME", "", "metadata.name"}};
  pod.containers[0].args = {"--name=$(NAME)"};
  life.start(pod, place);
  EXPECT_EQ(runtime.running("a").spec.choice.command, (std::vector<std::string>{"a", "--name=web-0"}));
}

TEST_F(PodLifeTest, InitContainersComeFirst) {
  life.start(make_pod({"app"}, {"first", "second"}), place);
  EXPECT_EQ(runtime.order, std::vector<std::string>{"first"});
  runtime.end("first", {});
  runtime.end("second", {});
  EXPECT_EQ(runtime.order, (std::vector<std::string>{"first", "second", "app"}));
  EXPECT_EQ(last.containers.init_containers[1].state.reason, "Completed");
}

TEST_F(PodLifeTest, CrashingContainerIsRestartedAtOnceThenWithBackOff) {
  life.start(make_pod({"a"}), place);
  runtime.end("a", {1, 0, ""});
  EXPECT_EQ(status().state.kind, Kind::Running);
  EXPECT_EQ(status().restart_count, 1);
  runtime.end("a", {1, 0, ""});
  EXPECT_EQ(status().state.reason, "CrashLoopBackOff");
  EXPECT_EQ(events.back(), "BackOff: Back-off restarting failed container a");
  loop.advance(499ms);
  EXPECT_EQ(runtime.order.size(), 2u);
  loop.advance(1ms);
  EXPECT_EQ(runtime.order.size(), 3u);
  EXPECT_EQ(status().state.kind, Kind::Running);
}

TEST_F(PodLifeTest, PortInUseReadsAsTheProgramsOwnFailure) {
  model::Pod pod = make_pod({"first", "second"});
  pod.containers[0].image = pod.containers[1].image = "redis";
  const std::string message = "listen tcp :80: bind: address already in use";
  runtime.refusals.emplace("second", Error(ErrorKind::Busy, message));
  life.start(pod, place);
  EXPECT_EQ(status(0).state.kind, Kind::Running);
  EXPECT_EQ(status(1).state.reason, "CrashLoopBackOff");
  EXPECT_EQ(status(1).last->exit_code, 1);
  EXPECT_EQ(status(1).last->message, message);
  EXPECT_EQ(life.log(key, "second").lines({}).at(0).text, message);
  runtime.refusals.clear();
  loop.advance(500ms);
  EXPECT_EQ(status(1).state.kind, Kind::Running);
}

TEST_F(PodLifeTest, MissingProgramIsAStartErrorWithItsHint) {
  runtime.refusals.emplace("a", Error(ErrorKind::NotFound, "exec a: No such file", "install it"));
  life.start(make_pod({"a"}), place);
  EXPECT_EQ(status().state.reason, "CrashLoopBackOff");
  EXPECT_EQ(status().last->reason, "StartError");
  EXPECT_EQ(status().last->message, "exec a: No such file (install it)");
  EXPECT_EQ(events.back(), "Failed: Error: exec a: No such file (install it)");
}

TEST_F(PodLifeTest, UnknownFieldRefIsAConfigurationError) {
  model::Pod pod = make_pod({"a"});
  pod.containers[0].env = {{"X", "", "status.phase"}};
  life.start(pod, place);
  EXPECT_EQ(status().state.kind, Kind::Waiting);
  EXPECT_EQ(status().state.reason, "CreateContainerConfigError");
  EXPECT_EQ(loop.timers(), 0u);
}

TEST_F(PodLifeTest, SubstitutionIsToldOnceForEachImage) {
  model::Pod pod = make_pod({"a", "b", "c"});
  pod.containers[0].image = pod.containers[1].image = "redis";
  pod.containers[2].image = "agnhost";
  life.start(pod, place);
  EXPECT_EQ(notices.size(), 2u);
}

TEST_F(PodLifeTest, StopSendsTheGraceAndWaitsForTheEnd) {
  life.start(make_pod({"a"}), place);
  life.stop(key, 5s);
  EXPECT_EQ(runtime.running("a").stopped_with, 5s);
  EXPECT_TRUE(stopped.empty());
  runtime.end("a", {143, 15, ""});
  ASSERT_EQ(stopped.size(), 1u);
  EXPECT_EQ(stopped[0].containers.containers[0].state.exit_code, 143);
  EXPECT_FALSE(life.contains(key));
  EXPECT_TRUE(runtime.sites.empty());
}

TEST_F(PodLifeTest, SecondStopMayShortenTheGrace) {
  life.start(make_pod({"a"}), place);
  life.stop(key, 30s);
  life.stop(key, 0s);
  EXPECT_EQ(runtime.running("a").stopped_with, 0s);
}

TEST_F(PodLifeTest, StoppedPodIsNotRestarted) {
  life.start(make_pod({"a", "b"}), place);
  life.stop(key, 5s);
  runtime.end("a", {1, 0, ""});
  EXPECT_EQ(runtime.order.size(), 2u);
  EXPECT_TRUE(stopped.empty());
  runtime.end("b", {0, 0, ""});
  EXPECT_EQ(stopped.size(), 1u);
}

TEST_F(PodLifeTest, APodBeyondItsDeadlineHasFailedAndStays) {
  model::Pod pod = make_pod({"a", "b"});
  pod.active_deadline = 60s;
  pod.termination_grace = 5s;
  life.start(pod, place);
  loop.advance(59s);
  EXPECT_FALSE(runtime.running("a").stopped_with);
  loop.advance(1s);
  EXPECT_EQ(runtime.running("a").stopped_with, 5s);
  EXPECT_FALSE(last.containers.is_over);
  runtime.end("a", {1, 0, ""});
  EXPECT_EQ(runtime.order.size(), 2u);
  runtime.end("b", {});
  EXPECT_TRUE(last.containers.is_over);
  EXPECT_EQ(last.containers.reason, "DeadlineExceeded");
  EXPECT_EQ(status(0).state.kind, Kind::Terminated);
  EXPECT_TRUE(stopped.empty());
  EXPECT_TRUE(life.contains(key));
  EXPECT_NE(std::find(events.begin(), events.end(),
                      "DeadlineExceeded: Pod was active on the node longer than the specified deadline"),
            events.end());
}

TEST_F(PodLifeTest, APodThatHasEndedBeforeItsDeadlineIsLeftAlone) {
  model::Pod pod = make_pod({"a"});
  pod.active_deadline = 60s;
  pod.restart_policy = model::RestartPolicy::Never;
  life.start(pod, place);
  runtime.end("a", {});
  loop.advance(61s);
  EXPECT_FALSE(last.containers.is_over);
  EXPECT_EQ(last.containers.reason, "");
}

TEST_F(PodLifeTest, PodThatBacksOffStopsAtOnce) {
  life.start(make_pod({"a"}), place);
  runtime.end("a", {1, 0, ""});
  runtime.end("a", {1, 0, ""});
  life.stop(key, 30s);
  EXPECT_EQ(stopped.size(), 1u);
  EXPECT_EQ(loop.timers(), 0u);
}

TEST_F(PodLifeTest, FinishedPodKeepsItsLogUntilItIsStopped) {
  model::Pod pod = make_pod({"a"});
  pod.restart_policy = model::RestartPolicy::Never;
  life.start(pod, place);
  runtime.running("a").hooks.output(LogStream::Out, "done\n");
  runtime.end("a", {});
  EXPECT_EQ(status().state.reason, "Completed");
  EXPECT_EQ(life.log(key, "").lines({}).at(0).text, "done");
  life.stop(key, 30s);
  EXPECT_EQ(stopped.size(), 1u);
}

TEST_F(PodLifeTest, LogsOfTheInstanceBeforeAreKept) {
  life.start(make_pod({"a"}), place);
  runtime.running("a").hooks.output(LogStream::Out, "first\n");
  runtime.end("a", {1, 0, ""});
  runtime.running("a").hooks.output(LogStream::Out, "second\n");
  EXPECT_EQ(life.log(key, "a").lines({}, true).at(0).text, "first");
  EXPECT_EQ(life.log(key, "a").lines({}).at(0).text, "second");
}

TEST_F(PodLifeTest, UnknownContainerNamesThoseThereAre) {
  life.start(make_pod({"a", "b"}), place);
  try {
    life.log(key, "c");
    FAIL() << "found";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::NotFound);
    EXPECT_EQ(error.message(), "pod default/web-0: no container \"c\"");
    EXPECT_EQ(error.hint(), "its containers: a, b");
  }
  EXPECT_THROW(life.log({"default", "other"}, ""), Error);
}

TEST_F(PodLifeTest, SamePodTwiceIsRefused) {
  life.start(make_pod({"a"}), place);
  EXPECT_THROW(life.start(make_pod({"a"}), place), Error);
}

TEST_F(PodLifeTest, ExecGetsTheContainersEnvironmentWithMoreOnTop) {
  model::Pod pod = make_pod({"a"});
  pod.containers[0].env = {{"COLOR", "red", ""}, {"SIZE", "1", ""}};
  life.start(pod, place);
  const kernel::ProcessOptions options = life.exec_options(key, "", {"ls", "$(SIZE)"}, {{"COLOR", "blue"}});
  EXPECT_EQ(options.argv, (std::vector<std::string>{"ls", "$(SIZE)"}));
  EXPECT_EQ(options.netns_fd, 7);
  EXPECT_EQ(std::count(options.env.begin(), options.env.end(),
                       std::pair<std::string, std::string>("COLOR", "blue")),
            1);
  EXPECT_EQ(
      std::count(options.env.begin(), options.env.end(), std::pair<std::string, std::string>("COLOR", "red")),
      0);
  EXPECT_EQ(
      std::count(options.env.begin(), options.env.end(), std::pair<std::string, std::string>("SIZE", "1")),
      1);
}

TEST_F(PodLifeTest, HostNetworkPodGetsTheNodesHosts) {
  model::Pod pod = make_pod({"a"});
  pod.host_network = true;
  PodLifeOptions with_node = options();
  with_node.node_hosts = "127.0.0.1\tlocalhost\n192.168.50.11\tnode-1\n";
  PodLife other(loop, clock, runtime, with_node, {});
  other.start(pod, {7, "node-1", {}, {}});
  EXPECT_EQ(runtime.sites.begin()->second.hosts,
            "# Kubernetes-managed hosts file (host network).\n" + with_node.node_hosts);
}

nlohmann::json object_with_images(const std::vector<std::string>& images) {
  nlohmann::json containers = nlohmann::json::array();
  for (std::size_t i = 0; i < images.size(); ++i) {
    containers.push_back({{"name", std::string(1, static_cast<char>('a' + i))}, {"image", images[i]}});
  }
  return {{"metadata", {{"name", "web-0"}}}, {"spec", {{"containers", containers}}}};
}

TEST_F(PodLifeTest, AnotherImageStartsAContainerAgainInPlace) {
  model::Pod pod = make_pod({"a", "b"});
  pod.restart_policy = model::RestartPolicy::Never;
  pod.containers[0].image = pod.containers[1].image = "example.org/app:1";
  life.start(pod, place);
  life.follow(key, object_with_images({"example.org/app:1", "example.org/app:1"}));
  EXPECT_FALSE(runtime.running("a").stopped_with);
  life.follow(key, object_with_images({"example.org/app:1", "example.org/app:2"}));
  EXPECT_FALSE(runtime.running("a").stopped_with);
  EXPECT_EQ(runtime.running("b").stopped_with, 30s);
  EXPECT_EQ(events.back(), "Killing: Container b definition changed, will be restarted");
  runtime.end("b", {0, 0, ""});
  EXPECT_EQ(status(1).restart_count, 1);
  EXPECT_EQ(status(1).state.kind, Kind::Running);
  EXPECT_EQ(status(1).image, "example.org/app:2");
  EXPECT_EQ(runtime.running("b").spec.image, "example.org/app:2");
  EXPECT_EQ(status(0).restart_count, 0);
}

TEST_F(PodLifeTest, AnotherImageIsTriedAtOnceWhereTheFirstCouldNotRun) {
  model::Pod pod = make_pod({"a"});
  pod.containers[0].command.clear();  // image host, and nothing to run
  life.start(pod, place);
  EXPECT_EQ(status().state.reason, "CreateContainerConfigError");
  life.follow(key, object_with_images({"example.org/app:2"}));
  EXPECT_EQ(status().state.kind, Kind::Running);
}

TEST_F(PodLifeTest, ImagesOfAPodThatEndsAreNotFollowed) {
  life.start(make_pod({"a"}), place);
  life.stop(key, 5s);
  life.follow(key, object_with_images({"example.org/app:2"}));
  runtime.end("a", {143, 15, ""});
  EXPECT_EQ(stopped.size(), 1u);
  life.follow(key, object_with_images({"example.org/app:3"}));  // gone
}

}  // namespace
}  // namespace labctl::kubelet::testing
