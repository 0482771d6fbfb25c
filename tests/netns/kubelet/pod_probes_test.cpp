// Probes on the real network: from the node to the pod, and programs in the pod's containers.

#include "tests/netns/kubelet/probed_host.hpp"
#include "tests/netns/kubelet/tls_server.hpp"
#include "tests/netns/process/capsule_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>

namespace labctl::kubelet::testing {
namespace {

using namespace std::chrono_literals;
using kernel::IdMapping;
using kernel::testing::run_in_capsule;
using ::testing::Contains;
using ::testing::HasSubstr;
using ActionKind = model::ContainerAction::Kind;
namespace fs = std::filesystem;

TEST(PodProbesOnHost, HttpReadinessFollowsTheServer) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    TextServer server(host, Family::IPv4, 80, http_reply(200));
    model::Pod pod = idle_pod();
    pod.containers[0].readiness_probe = every_second(ActionKind::HttpGet);
    pod.containers[0].readiness_probe->failure_threshold = 2;
    pod.containers[0].readiness_probe->action.path = "ready?deep=1";
    pod.containers[0].readiness_probe->action.headers = {{"X-Probe", "yes"}};
    host.start(pod);
    EXPECT_FALSE(host.status(pod).is_ready);
    ASSERT_TRUE(host.wait_ready(pod));
    EXPECT_EQ(server.last_request,
              "GET /ready?deep=1 HTTP/1.1\r\nHost: 10.1.0.2:80\r\nUser-Agent: kube-probe/1.35\r\n"
              "X-Probe: yes\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(server.last_client, "10.1.0.1");
    server.text = http_reply(503);
    ASSERT_TRUE(host.wait_ready(pod, false));
    EXPECT_EQ(std::count(host.events.begin(), host.events.end(),
                         "Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503"),
              2);
    server.text = http_reply(302, "Location: http://10.1.0.9/\r\n");
    EXPECT_TRUE(host.wait_ready(pod));
    EXPECT_EQ(host.status(pod).restart_count, 0);
  });
}

TEST(PodProbesOnHost, ServersThatAnswerBadlyAreToldApart) {
  run_in_capsule(IdMapping::Single, [] {
    const std::map<std::string, std::string> cases = {
        {"", "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", "malformed HTTP response"},
        {"SSH-2.0-OpenSSH_9.9\r\n", "malformed HTTP response"},
        {"HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x'), "malformed HTTP response"},
    };
    for (const auto& [reply, message] : cases) {
      ProbedHost host;
      const TextServer server(host, Family::IPv4, 80, reply);
      model::Pod pod = idle_pod();
      pod.containers[0].readiness_probe = every_second(ActionKind::HttpGet);
      host.start(pod);
      const std::string event = host.wait_event("Unhealthy");
      EXPECT_THAT(event, HasSubstr("Readiness probe failed: Get \"http://10.1.0.2:80/\": "));
      EXPECT_THAT(event, HasSubstr(message));
    }
  });
}

TEST(PodProbesOnHost, BodyIsNotReadToItsEnd) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    const TextServer server(
        host, Family::IPv4, 80,
        "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + std::string(12'000, 'x'));
    model::Pod pod = idle_pod();
    pod.containers[0].readiness_probe = every_second(ActionKind::HttpGet);
    host.start(pod);
    EXPECT_TRUE(host.wait_ready(pod));
  });
}

TEST(PodProbesOnHost, ProbesReachPodsBySixToo) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    const TextServer server(host, Family::IPv6, 80, http_reply(200));
    model::Pod pod = idle_pod("fd01::2");
    pod.containers[0].readiness_probe = every_second(ActionKind::HttpGet);
    pod.containers[0].liveness_probe = every_second(ActionKind::TcpSocket);
    host.start(pod);
    ASSERT_TRUE(host.wait_ready(pod));
    EXPECT_THAT(server.last_request, HasSubstr("\r\nHost: [fd01::2]:80\r\n"));
    EXPECT_EQ(server.last_client, "fd01::1");
  });
}

TEST(PodProbesOnHost, HttpsIsAskedWithoutVerification) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    const TlsServer server(host.loop, host.network.get(), 443, http_reply(200));
    model::Pod pod = idle_pod();
    pod.containers[0].readiness_probe = every_second(ActionKind::HttpGet, 443);
    pod.containers[0].readiness_probe->action.is_https = true;
    host.start(pod);
    EXPECT_TRUE(host.wait_ready(pod));
    EXPECT_THAT(server.last_request(), ::testing::StartsWith("GET / HTTP/1.1\r\nHost: 10.1.0.2:443\r\n"));
    EXPECT_THAT(host.events, ::testing::Not(Contains(HasSubstr("Unhealthy"))));
  });
}

TEST(PodProbesOnHost, PlainServerIsNoHttpsServer) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    const TextServer server(host, Family::IPv4, 80, http_reply(200));
    model::Pod pod = idle_pod();
    pod.containers[0].readiness_probe = every_second(ActionKind::HttpGet);
    pod.containers[0].readiness_probe->action.is_https = true;
    host.start(pod);
    EXPECT_THAT(host.wait_event("Unhealthy"), HasSubstr("Get \"https://10.1.0.2:80/\": "));
    EXPECT_FALSE(host.status(pod).is_ready);
  });
}

TEST(PodProbesOnHost, BuiltInServerIsReadyAtOnce) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    model::Pod pod = idle_pod();
    pod.containers = {built_in("a", 8080)};
    pod.containers[0].ports[0].name = "http";
    pod.containers[0].readiness_probe = every_second(ActionKind::TcpSocket, 0);
    pod.containers[0].readiness_probe->action.port_name = "http";
    pod.containers[0].readiness_probe->period = 600s;
    host.start(pod);
    EXPECT_TRUE(host.wait_ready(pod));
  });
}

TEST(PodProbesOnHost, ProgramThatListensSoonIsReadySoon) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    model::Pod pod = idle_pod();
    pod.containers[0].readiness_probe = every_second(ActionKind::TcpSocket);
    pod.containers[0].readiness_probe->period = 600s;
    host.start(pod);
    std::unique_ptr<TextServer> server;
    host.loop.call_after(
        300ms, [&] { server = std::make_unique<TextServer>(host, Family::IPv4, 80, http_reply(200)); });
    EXPECT_TRUE(host.wait_ready(pod));
    EXPECT_THAT(host.events, ::testing::Not(Contains(HasSubstr("Unhealthy"))));
  });
}

TEST(PodProbesOnHost, StandInAnswersWhereItsProbesAsk) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    model::Pod pod = make_pod("db");
    pod.ips = {*IpAddress::parse("10.1.0.2")};
    model::Container& db = pod.containers.emplace_back();
    db.name = "db";
    db.image = "postgres:16";
    db.startup_probe = every_second("exec /no/such/program");
    db.startup_probe->initial_delay = 600s;
    db.readiness_probe = every_second(ActionKind::HttpGet, 8081);
    db.readiness_probe->action.path = "/any/path?at=all";
    db.readiness_probe->initial_delay = 600s;
    db.liveness_probe = every_second(ActionKind::TcpSocket, 5432);
    host.start(pod);
    EXPECT_TRUE(host.wait_ready(pod));
    EXPECT_EQ(host.get(5432, "/hostname"), "db");
    EXPECT_THAT(host.events, ::testing::Not(Contains(HasSubstr("Unhealthy"))));
  });
}

TEST(PodProbesOnHost, PortOfAStandInSpeaksHttpAndTlsAndGrpc) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    model::Pod pod = make_pod("shop");
    pod.ips = {*IpAddress::parse("10.1.0.2")};
    for (const auto& [name, kind] : std::map<std::string, ActionKind>{
             {"http", ActionKind::HttpGet}, {"https", ActionKind::HttpGet}, {"grpc", ActionKind::Grpc}}) {
      model::Container& container = pod.containers.emplace_back();
      container.name = name;
      container.image = "example.org/shop:1";
      container.readiness_probe = every_second(kind, 8443);
      container.readiness_probe->action.is_https = name == "https";
      container.readiness_probe->action.service = "shop.Cart";
    }
    host.start(pod);
    for (std::size_t index = 0; index < 3; ++index) {
      EXPECT_TRUE(host.loop.run_until(
          [&] { return host.reports.at(pod.key).containers.containers.at(index).is_ready; }, kPatience))
          << pod.containers[index].name;
    }
    EXPECT_THAT(host.events, ::testing::Not(Contains(HasSubstr("Unhealthy"))));
  });
}

TEST(PodProbesOnHost, GrpcToAServerWithoutItIsToldAsTheKubeletTellsIt) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    TextServer server(host, Family::IPv4, 80, http_reply(200));
    model::Pod pod = idle_pod();
    pod.containers[0].readiness_probe = every_second(ActionKind::Grpc);
    host.start(pod);
    EXPECT_EQ(host.wait_event("Unhealthy"),
              "Unhealthy: Readiness probe failed: timeout: failed to connect service \"10.1.0.2:80\" within "
              "1s: context deadline exceeded");
    EXPECT_TRUE(server.last_request.starts_with("PRI * HTTP/2.0"));
  });
}

TEST(PodProbesOnHost, RefusedConnectionIsTold) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    model::Pod pod = idle_pod();
    pod.containers[0].readiness_probe = every_second(ActionKind::TcpSocket, 81);
    host.start(pod);
    EXPECT_EQ(host.wait_event("Unhealthy"),
              "Unhealthy: Readiness probe failed: dial tcp 10.1.0.2:81: connect: connection refused");
  });
}

TEST(PodProbesOnHost, FileMakesAPodReadyInEitherKindOfContainer) {
  run_in_capsule(IdMapping::Single, [] {
    for (const bool is_program : {true, false}) {
      ProbedHost host;
      model::Pod pod = idle_pod();
      if (!is_program) {
        pod.containers = {built_in("a", 8080)};
      }
      pod.containers[0].readiness_probe = every_second("echo x >> /mnt/tries; cat /mnt/ready");
      pod.containers[0].readiness_probe->failure_threshold = 1;
      host.start(pod);
      EXPECT_EQ(host.wait_event("Unhealthy"),
                "Unhealthy: Readiness probe failed: cat: /mnt/ready: No such file or directory");
      std::ofstream("/mnt/ready") << "yes";
      EXPECT_TRUE(host.wait_ready(pod));
      const auto tries = fs::file_size("/mnt/tries");
      fs::remove("/mnt/ready");
      EXPECT_TRUE(host.wait_ready(pod, false));
      EXPECT_LE(fs::file_size("/mnt/tries"), tries + 2 * 2)
          << "one that was under way, and the first to fail";
      std::ofstream("/mnt/ready") << "yes";
      EXPECT_TRUE(host.wait_ready(pod));
      fs::remove("/mnt/ready");
    }
  });
}

TEST(PodProbesOnHost, ProgramsOfProbesLeaveNothingBehind) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    model::Pod pod = idle_pod();
    pod.containers = {built_in("a", 8080)};
    pod.containers[0].liveness_probe = every_second("echo x >> /mnt/tries");
    host.start(pod);
    const auto tries = [] {
      std::error_code none;
      const auto size = fs::file_size("/mnt/tries", none);
      return none ? 0 : size / 2;
    };
    const auto files = [] {
      return std::distance(fs::recursive_directory_iterator("/run/pods"), fs::recursive_directory_iterator());
    };
    ASSERT_TRUE(host.loop.run_until([&] { return tries() >= 1; }));
    const int descriptors = kernel::testing::open_descriptors();
    const auto before = files();
    ASSERT_TRUE(host.loop.run_until([&] { return tries() >= 3; }));
    // The next one may be under way.
    EXPECT_TRUE(host.loop.run_until(
        [&] { return files() <= before && kernel::testing::open_descriptors() <= descriptors; }));
  });
}

TEST(PodProbesOnHost, LivenessRestartsAProgramThatHangs) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    model::Pod pod = idle_pod();
    pod.containers = {program("a", "trap '' TERM; touch /mnt/alive; while :; do sleep 0.05; done")};
    pod.containers[0].liveness_probe = every_second("test -e /mnt/alive");
    pod.containers[0].liveness_probe->initial_delay = 1s;
    pod.containers[0].liveness_probe->failure_threshold = 1;
    pod.containers[0].liveness_probe->termination_grace = 1s;
    host.start(pod);
    EXPECT_TRUE(host.status(pod).is_ready);
    ASSERT_TRUE(host.loop.run_until([] { return fs::exists("/mnt/alive"); }));
    fs::remove("/mnt/alive");
    ASSERT_TRUE(host.loop.run_until([&] { return host.status(pod).restart_count == 1; }));
    EXPECT_EQ(host.status(pod).last->exit_code, 137);
    EXPECT_THAT(host.events, Contains("Unhealthy: Liveness probe failed: exit status 1"));
    EXPECT_THAT(host.events, Contains("Killing: Container a failed liveness probe, will be restarted"));
  });
}

TEST(PodProbesOnHost, StartupProbeHoldsTheOthersBack) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    const TextServer server(host, Family::IPv4, 80, http_reply(200));
    model::Pod pod = idle_pod();
    pod.containers[0].startup_probe = every_second("test -e /mnt/up");
    pod.containers[0].startup_probe->failure_threshold = 30;
    pod.containers[0].readiness_probe = every_second(ActionKind::HttpGet);
    host.start(pod);
    host.wait_event("Unhealthy: Startup probe failed");
    EXPECT_FALSE(host.status(pod).is_started);
    EXPECT_EQ(server.last_request, "");
    std::ofstream("/mnt/up") << "yes";
    EXPECT_TRUE(host.wait_ready(pod));
    EXPECT_TRUE(host.status(pod).is_started);
  });
}

TEST(PodProbesOnHost, HooksRunBeforeTheSignal) {
  run_in_capsule(IdMapping::Single, [] {
    ProbedHost host;
    const TextServer server(host, Family::IPv4, 80, http_reply(200));
    model::Pod pod = idle_pod();
    const std::string script =
        "trap 'echo term $(cat /mnt/hook); exit 0' TERM; echo up; while :; do sleep 0.05; done";
    pod.containers = {program("a", script), program("b", script)};
    pod.containers[0].pre_stop = model::ContainerAction{};
    pod.containers[0].pre_stop->kind = ActionKind::Exec;
    pod.containers[0].pre_stop->command = {"sh", "-c", "echo drained > /mnt/hook"};
    pod.containers[1].pre_stop = model::ContainerAction{};
    pod.containers[1].pre_stop->kind = ActionKind::HttpGet;
    pod.containers[1].pre_stop->port = 80;
    pod.containers[1].pre_stop->path = "/drain";
    host.start(pod);
    ASSERT_TRUE(host.loop.run_until([&] {
      return host.text_of(pod, "a").starts_with("up") && host.text_of(pod, "b").starts_with("up");
    }));
    host.life->stop(pod.key, 20s);
    ASSERT_TRUE(host.wait_for_text(pod, "term drained"));
    ASSERT_TRUE(host.loop.run_until([&] { return host.stopped == 1; }));
    EXPECT_THAT(server.last_request, HasSubstr("GET /drain HTTP/1.1\r\n"));
    EXPECT_THAT(server.last_request, HasSubstr("User-Agent: kube-lifecycle/1.35\r\n"));
  });
}

// With a delay of ten seconds, the second time a second later at the earliest.
std::chrono::steady_clock::duration time_of_a_stop_told_twice() {
  ProbedHost host;
  TextServer server(host, Family::IPv4, 80, http_reply(200));
  model::Pod pod = idle_pod();
  pod.containers = {built_in("a", 8080)};
  pod.containers[0].image = "agnhost:2.47";
  pod.containers[0].args = {"netexec", "--delay-shutdown=10"};
  pod.containers[0].readiness_probe = every_second(ActionKind::HttpGet);
  pod.containers[0].readiness_probe->failure_threshold = 1;
  host.start(pod);
  EXPECT_TRUE(host.wait_ready(pod));
  const auto begin = host.clock.now();
  host.life->stop(pod.key, 30s);
  EXPECT_EQ(host.get(8080, "/hostname"), "web-0");  // it serves on
  server.text = http_reply(500);
  EXPECT_TRUE(host.wait_ready(pod, false));
  server.text = http_reply(200);
  EXPECT_TRUE(host.wait_ready(pod));
  host.life->stop(pod.key, 30s);  // told again, as when the status was written
  EXPECT_TRUE(host.loop.run_until([&] { return host.stopped == 1; }));
  const auto took = host.clock.now() - begin;
  EXPECT_EQ(host.state(pod).exit_code, 0);
  return took;
}

TEST(PodProbesOnHost, ReadinessIsAskedUntilTheEnd) {
  run_in_capsule(IdMapping::Single, [] {
    // Would the delay begin anew with the second stop, it would be longer each time.
    auto fastest = std::chrono::steady_clock::duration::max();
    for (int i = 0; i < 3 && fastest >= 10'900ms; ++i) {
      fastest = std::min(fastest, time_of_a_stop_told_twice());
    }
    EXPECT_LT(fastest, 10'900ms);
  });
}

}  // namespace
}  // namespace labctl::kubelet::testing
