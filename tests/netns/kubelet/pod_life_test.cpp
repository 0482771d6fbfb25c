// Pods as the supervisor runs them: real programs and the real built-in server in a capsule.

#include "labctl/kubelet/pod_life.hpp"

#include "tests/netns/kubelet/pod_host.hpp"
#include "tests/netns/process/capsule_fixture.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace labctl::kubelet::testing {
namespace {

using namespace std::chrono_literals;
using kernel::IdMapping;
using kernel::testing::run_in_capsule;
using Kind = ContainerState::Kind;
namespace fs = std::filesystem;

TEST(PodLifeOnHost, ProgramSeesItsPodAndItsOutputIsKept) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    model::Pod pod = make_pod("web-0");
    pod.restart_policy = model::RestartPolicy::Never;
    pod.containers = {program("a",
                              "uname -n; grep web-0 /etc/hosts; cat /etc/resolv.conf /etc/hostname; "
                              "ls /sys/class/net | grep eth0; echo $HOSTNAME $POD; echo oops >&2; exit 3")};
    pod.containers[0].env = {{"POD", "", "metadata.name"}};
    host.start(pod);
    ASSERT_TRUE(host.wait_for(pod, Kind::Terminated));
    EXPECT_EQ(host.state(pod).exit_code, 3);
    // The two streams come by two pipes, so only the order within each is sure.
    std::string out;
    for (const LogLine& line : host.life->log(pod.key, "a").lines({})) {
      out += line.stream == LogStream::Out ? line.text + "\n" : "";
    }
    EXPECT_EQ(out,
              "web-0\n127.0.0.1\tweb-0\nsearch default.svc.cluster.local svc.cluster.local cluster.local\n"
              "options ndots:5\nweb-0\neth0\nweb-0 web-0\n");
    EXPECT_NE(host.text_of(pod).find("oops"), std::string::npos);
  });
}

TEST(PodLifeOnHost, OutputOfAShortLifeIsNotLost) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    model::Pod pod = make_pod("web-0");
    pod.restart_policy = model::RestartPolicy::Never;
    pod.containers = {program("a", "seq 1 5000")};
    host.start(pod);
    ASSERT_TRUE(host.wait_for(pod, Kind::Terminated));
    EXPECT_EQ(host.life->log(pod.key, "a").lines(1).at(0).text, "5000");
  });
}

TEST(PodLifeOnHost, SigtermEndsAProgramWithinItsGrace) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    model::Pod pod = make_pod("web-0");
    pod.containers = {program("a", "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done")};
    host.start(pod);
    ASSERT_TRUE(host.wait_for_text(pod, "ready"));
    host.life->stop(pod.key, 20s);
    ASSERT_TRUE(host.loop.run_until([&] { return host.stopped == 1; }));
    EXPECT_EQ(host.state(pod).exit_code, 0);
  });
}

TEST(PodLifeOnHost, SigkillFollowsTheGrace) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    model::Pod pod = make_pod("web-0");
    pod.containers = {program("a", "trap '' TERM; echo ready; while :; do sleep 0.05; done")};
    host.start(pod);
    ASSERT_TRUE(host.wait_for_text(pod, "ready"));
    host.life->stop(pod.key, 100ms);
    ASSERT_TRUE(host.loop.run_until([&] { return host.stopped == 1; }));
    EXPECT_EQ(host.state(pod).exit_code, 137);
  });
}

TEST(PodLifeOnHost, NothingOfAContainerOutlivesIt) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    model::Pod pod = make_pod("web-0");
    pod.restart_policy = model::RestartPolicy::Never;
    pod.containers = {program("a", "setsid -f sleep 300; setsid -f sleep 301; exit 0")};
    host.start(pod);
    ASSERT_TRUE(host.wait_for(pod, Kind::Terminated));
    host.life->stop(pod.key, 0s);
    EXPECT_EQ(host.stopped, 1);
    EXPECT_TRUE(
        host.loop.run_until([] { return ::kill(-1, 0) != 0; }));  // no other process in this pid namespace
    EXPECT_TRUE(fs::is_empty("/run/pods"));
  });
}

TEST(PodLifeOnHost, CrashIsRestarted) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    model::Pod pod = make_pod("web-0");
    pod.containers = {program("a", "echo run; exit 1")};
    host.start(pod);
    EXPECT_TRUE(host.loop.run_until(
        [&] { return host.reports.at(pod.key).containers.containers[0].restart_count >= 2; }));
    EXPECT_EQ(host.reports.at(pod.key).containers.containers[0].last->exit_code, 1);
  });
}

TEST(PodLifeOnHost, MissingProgramIsAStartError) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    model::Pod pod = make_pod("web-0");
    pod.containers = {program("a", "")};
    pod.containers[0].command = {"no-such-program"};
    host.start(pod);
    EXPECT_EQ(host.state(pod).reason, "CrashLoopBackOff");
    EXPECT_NE(host.text_of(pod).find("exec no-such-program: No such file or directory (ENOENT)"),
              std::string::npos);
  });
}

TEST(PodLifeOnHost, BuiltInServerAnswersForThePod) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    model::Pod pod = make_pod("web-0");
    pod.containers = {built_in("a", 8080)};
    host.start(pod);
    EXPECT_EQ(host.state(pod).kind, Kind::Running);
    EXPECT_EQ(host.get(8080, "/hostname"), "web-0");
    host.life->stop(pod.key, 5s);
    ASSERT_TRUE(host.loop.run_until([&] { return host.stopped == 1; }));
    EXPECT_EQ(host.get(8080, "/hostname"), "");
  });
}

TEST(PodLifeOnHost, SecondContainerOnAPortCrashesWithTheReason) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    model::Pod pod = make_pod("web-0");
    pod.containers = {built_in("first", 80), built_in("second", 80)};
    host.start(pod);
    EXPECT_EQ(host.state(pod, 0).kind, Kind::Running);
    EXPECT_EQ(host.state(pod, 1).reason, "CrashLoopBackOff");
    EXPECT_EQ(host.text_of(pod, "second"), "listen tcp :80: bind: address already in use\n");
  });
}

TEST(PodLifeOnHost, NetexecRunsShellsInThePod) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    model::Pod pod = make_pod("web-0");
    pod.containers = {built_in("a", 8080)};
    pod.containers[0].image = "agnhost:2.47";
    pod.containers[0].args = {"netexec", "--udp-port=-1"};
    host.start(pod);
    EXPECT_EQ(host.get(8080, "/shell?cmd=uname%20-n"), "{\"output\":\"web-0\\n\"}");
    EXPECT_NE(host.get(8080, "/shell?cmd=exit%202").find("exit status 2"), std::string::npos);
  });
}

TEST(PodLifeOnHost, ContainerThatExitsByItsOwnServerIsRestarted) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    model::Pod pod = make_pod("web-0");
    pod.containers = {built_in("a", 8080)};
    pod.containers[0].image = "agnhost:2.47";
    pod.containers[0].args = {"netexec"};
    host.start(pod);
    host.get(8080, "/exit?code=7");
    ASSERT_TRUE(host.loop.run_until(
        [&] { return host.reports.at(pod.key).containers.containers[0].restart_count == 1; }));
    EXPECT_EQ(host.reports.at(pod.key).containers.containers[0].last->exit_code, 7);
    EXPECT_EQ(host.get(8080, "/hostname"), "web-0");
  });
}

TEST(PodLifeOnHost, ExecEntersAContainerOfEitherKind) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    model::Pod real = make_pod("real");
    real.containers = {program("a", "echo $$ > /mnt/mark; exec sleep 300")};
    model::Pod served = make_pod("served");
    served.containers = {built_in("a", 8080)};
    host.start(real);
    host.start(served);
    loop::CapturedRuns runs(host.loop, host.reaper);
    for (const model::Pod& pod : {real, served}) {
      std::optional<loop::CapturedEnd> end;
      runs.run(host.life->exec_options(pod.key, "a", {"sh", "-c", "uname -n; grep -c $NAME /etc/hosts"},
                                       {{"NAME", pod.key.name}}),
               20s, [&](loop::CapturedEnd its_end) { end = std::move(its_end); });
      ASSERT_TRUE(host.loop.run_until([&] { return end.has_value(); }));
      EXPECT_EQ(end->output, pod.key.name + "\n1\n");
      EXPECT_EQ(end->error, "");
    }
  });
}

TEST(PodLifeOnHost, WhatWasExecutedBesideAContainerGoesWithThePod) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    model::Pod pod = make_pod("web-0");
    pod.containers = {built_in("a", 8080)};
    host.start(pod);
    kernel::ChildProcess visitor = kernel::spawn(host.life->exec_options(pod.key, "a", {"sleep", "300"}, {}));
    std::optional<kernel::ExitStatus> end;
    host.reaper.watch(visitor.pid(), [&](kernel::ExitStatus status) {
      end = status;
      visitor.release();
    });
    host.life->stop(pod.key, 0s);
    ASSERT_TRUE(host.loop.run_until([&] { return end.has_value(); }));
    EXPECT_EQ(end->signal, SIGKILL);
  });
}

TEST(PodLifeOnHost, ASignalToTheFirstProcessEndsTheContainerAndNoOther) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    model::Pod pod = make_pod("web-0");
    pod.containers = {program("a", "sleep 300"), built_in("b", 8080), program("c", "sleep 300")};
    pod.restart_policy = model::RestartPolicy::Never;
    host.start(pod);
    ASSERT_TRUE(host.wait_for(pod, ContainerState::Kind::Running, 2));
    for (const char* container : {"a", "b"}) {
      kernel::ChildProcess visitor =
          kernel::spawn(host.life->exec_options(pod.key, container, {"sh", "-c", "kill 1"}, {}));
      host.reaper.watch(visitor.pid(), [&](kernel::ExitStatus) { visitor.release(); });
      ASSERT_TRUE(host.wait_for(pod, ContainerState::Kind::Terminated, container[0] - 'a')) << container;
      ASSERT_TRUE(host.loop.run_until([&] { return visitor.pid() < 0; }));
    }
    EXPECT_EQ(host.state(pod, 0).exit_code, 143);
    EXPECT_EQ(host.state(pod, 2).kind, ContainerState::Kind::Running);
  });
}

TEST(PodLifeOnHost, ContainersSeeEachOthersProcessesWhereThePodSaysSo) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    for (const bool shared : {false, true}) {
      model::Pod pod = make_pod(shared ? "shared" : "apart");
      pod.share_process_namespace = shared;
      pod.containers = {
          program("a", "exec sleep 271"),
          program("b",
                  "while :; do grep -lzx 271 /proc/[0-9]*/cmdline > /mnt/seen; test -s /mnt/seen && "
                  "break; test -e /mnt/enough && break; sleep 0.02; done; setsid -f sleep 272; "
                  "wc -l < /mnt/seen")};
      pod.restart_policy = model::RestartPolicy::Never;
      host.start(pod);
      ASSERT_TRUE(host.wait_for(pod, ContainerState::Kind::Running, 0));
      if (!shared) {
        std::ofstream("/mnt/enough") << "looked often enough";
      }
      ASSERT_TRUE(host.wait_for(pod, ContainerState::Kind::Terminated, 1));
      EXPECT_EQ(host.text_of(pod, "b"), shared ? "1\n" : "0\n");
      EXPECT_EQ(host.state(pod, 0).kind, ContainerState::Kind::Running);
      host.life->stop(pod.key, 0s);
      fs::remove("/mnt/enough");
    }
  });
}

TEST(PodLifeOnHost, CommandPastItsDeadlineIsKilled) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    model::Pod pod = make_pod("web-0");
    pod.containers = {built_in("a", 8080)};
    host.start(pod);
    loop::CapturedRuns runs(host.loop, host.reaper);
    std::optional<loop::CapturedEnd> end;
    runs.run(host.life->exec_options(pod.key, "", {"sh", "-c", "echo begun; sleep 300"}, {}), 200ms,
             [&](loop::CapturedEnd its_end) { end = std::move(its_end); });
    ASSERT_TRUE(host.loop.run_until([&] { return end.has_value(); }));
    EXPECT_EQ(end->output, "begun\n");
    EXPECT_EQ(end->error, "timeout");
  });
}

TEST(PodLifeOnHost, FiftyPodsComeAndGoWithoutALeak) {
  run_in_capsule(IdMapping::Single, [] {
    Host host;
    const auto round = [&](int count) {
      host.stopped = 0;
      std::vector<model::Pod> pods;
      for (int index = 0; index < count; ++index) {
        pods.push_back(make_pod("web-" + std::to_string(index)));
        pods.back().containers = {program("a", "exec sleep 300"),
                                  built_in("b", static_cast<std::uint16_t>(9000 + index))};
        host.start(pods.back());
      }
      for (const model::Pod& pod : pods) {
        host.life->stop(pod.key, 10s);
      }
      EXPECT_TRUE(host.loop.run_until([&] { return host.stopped == count; }));
    };
    round(2);
    const int before = kernel::testing::open_descriptors();
    round(50);
    EXPECT_EQ(kernel::testing::open_descriptors(), before);
    EXPECT_TRUE(fs::is_empty("/run/pods"));
  });
}

TEST(PodLifeOnHost, RealRootsContainersAreConfined) {
  run_in_capsule(IdMapping::Root, [] {
    Host host;
    model::Pod pod = make_pod("web-0");
    pod.restart_policy = model::RestartPolicy::Never;
    pod.containers = {
        program("a", "grep CapBnd /proc/self/status; mount -t tmpfs none /mnt || echo refused")};
    host.start(pod);
    ASSERT_TRUE(host.wait_for(pod, Kind::Terminated));
    EXPECT_NE(host.text_of(pod).find("CapBnd:\t00000000a00435fb"), std::string::npos);
    EXPECT_NE(host.text_of(pod).find("refused"), std::string::npos);
  });
}

}  // namespace
}  // namespace labctl::kubelet::testing
