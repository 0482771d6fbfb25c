// The control socket under clients that go, wait, say nothing or talk nonsense.

#include "labctl/api/client.hpp"
#include "labctl/api/unix_socket.hpp"
#include "tests/e2e/labctl_program.hpp"
#include "topology/base/unique_fd.hpp"

#include <sys/socket.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

namespace labctl::e2e {
namespace {

constexpr int kPlaces = 64;
// A request that nothing but its client or the lab's end will end in time.
constexpr const char* kLongWait =
    R"({"resource":"pods","name":"never","condition":"Ready","timeout_ms":3600000})";
// Nobody listens there, and it is tried again until somebody does.
constexpr const char* kLongProbe =
    R"({"from":"pod/default/client","to":"pod/default/client:9","expect":"ok","retry_within_ms":600000})";

class Requests : public ::testing::Test {
 protected:
  void SetUp() override {
    LABCTL_NEEDS_USER_NAMESPACES();
    ASSERT_TRUE(ends_with(lab_.run({"up", lab_.write("lab.yaml", cluster("requests", "nodes: 1") +
                                                                     host_pod("client", "sleep 1000"))}),
                          kPassed));
  }

  UniqueFd connect() const { return api::connect_unix(lab_.socket("requests")); }
  // Sends a request and leaves it there.
  UniqueFd ask(const std::string& line, const std::string& body) const {
    UniqueFd fd = connect();
    const std::string text =
        line + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    return fd;
  }
  std::vector<UniqueFd> wait_everywhere() const {
    std::vector<UniqueFd> waiting;
    for (int i = 0; i < kPlaces; ++i) {
      waiting.push_back(ask("POST /lab/v1/wait", kLongWait));
    }
    return waiting;
  }
  support::ProgramResult down() const { return lab_.run({"down", "requests"}); }

  Labctl lab_;
};

TEST_F(Requests, AFullLabIsBusyAndStillTellsItsStatus) {
  std::vector<UniqueFd> waiting = wait_everywhere();
  EXPECT_TRUE(ends_with(lab_.run({"status"}), kPassed));
  const support::ProgramResult refused = lab_.run({"get", "pods"});
  EXPECT_TRUE(ends_with(refused, kNotBuilt));
  EXPECT_TRUE(has(refused.err, "64 connections"));
  EXPECT_TRUE(has(refused.err, "hint"));
  waiting.clear();
  EXPECT_TRUE(eventually([&] { return lab_.run({"get", "pods"}).exit_code == kPassed; }));
}

TEST_F(Requests, AFullLabCanBeTakenDown) {
  const std::vector<UniqueFd> waiting = wait_everywhere();
  EXPECT_TRUE(ends_with(down(), kPassed));
}

TEST_F(Requests, AbandonedWaitsLeaveTheirPlaces) {
  wait_everywhere().clear();
  EXPECT_TRUE(eventually([&] { return lab_.run({"get", "pods"}).exit_code == kPassed; }));
  EXPECT_TRUE(ends_with(down(), kPassed));
}

TEST_F(Requests, SilentConnectionsStarveNobody) {
  std::vector<UniqueFd> silent;
  for (int i = 0; i < kPlaces; ++i) {
    silent.push_back(connect());
  }
  EXPECT_TRUE(ends_with(lab_.run({"get", "pods"}), kPassed));
}

TEST_F(Requests, WhatIsUnderWayDoesNotHoldTheEndUp) {
  const std::vector<std::pair<const char*, const char*>> requests = {
      {"POST /lab/v1/wait", kLongWait},
      {"POST /lab/v1/probes", kLongProbe},
      {"GET /api/v1/pods?watch=1", ""},
      {"GET /api/v1/events?watch=1", ""},
      {"GET /lab/v1/logs?pod=client&follow=1", ""},
      {"POST /lab/v1/exec", R"({"from":"pod/default/client","command":["sleep","1000"]})"},
  };
  std::vector<UniqueFd> open;
  for (const auto& [line, body] : requests) {
    open.push_back(ask(line, body));
  }
  // Answered after them, in the order of the main loop.
  EXPECT_TRUE(ends_with(lab_.run({"get", "pods"}), kPassed));
  EXPECT_TRUE(ends_with(down(), kPassed));
}

TEST_F(Requests, KilledProbesDoNotHoldTheEndUp) {
  {
    std::vector<support::RunningProgram> probes;
    for (int i = 0; i < 11; ++i) {
      probes.push_back(
          lab_.start({"probe", "client", "pod/default/client:9", "--expect", "ok", "--retry-within", "10m"}));
    }
    EXPECT_TRUE(ends_with(lab_.run({"get", "pods"}), kPassed));
    for (support::RunningProgram& probe : probes) {
      probe.signal(SIGKILL);
    }
  }
  EXPECT_TRUE(ends_with(down(), kPassed));
}

TEST_F(Requests, NonsenseIsTheClientsMistake) {
  const std::string deep(100'000, '[');
  std::string objects;
  for (int i = 0; i < 100'000; ++i) {
    objects += "{\"id\":";
  }
  const std::vector<std::string> bodies = {
      "",
      "null",
      "5",
      "\"x\"",
      "[]",
      "{",
      "\xff\xfe",
      "{\"a\":\"\xff\"}",
      deep,
      objects,
      R"({"port":65616,"timeout_ms":1e300,"from":5,"to":{},"proto":[]})",
      R"({"port":-65456,"from":[5],"to":[null]})",
      R"({"resource":5,"namespace":[],"name":{},"timeout_ms":"x","pointer":5,"condition":1})",
      R"({"resource":"pods","name":"client","pointer":"/spec/containers/x","equals":1,"timeout_ms":1})",
      R"({"resource":"pods","name":"client","pointer":"/~9","timeout_ms":1})",
      R"({"from":5,"command":"ls","env":{"A":1},"tty":1,"rows":1e300,"cols":-1})",
      R"({"from":"pod/default/client","command":[1]})",
      R"({"from":"pod/default/client","command":["\u0000"],"env":{"":""}})",
      R"({"sources":5,"strict":"no","dryRun":{}})",
      R"({"sources":[{"name":5,"text":null}]})",
      R"({"refs":[5],"gracePeriodSeconds":1e300})",
      R"({"refs":[{"resource":"pods","name":5,"namespace":{}}]})",
      R"({"id":{"a":[1]},"from":"pod/default/client","to":"10.0.0.1:65616"})",
      R"({"from":"pod/default/client","to":"10.0.0.1:80","count":1e300,"source_port":65616,"http":5,"dns":[]})",
  };
  const std::vector<std::pair<std::string, std::string>> routes = {
      {"POST", "/lab/v1/probes"}, {"POST", "/lab/v1/matrix"}, {"POST", "/lab/v1/wait"},
      {"POST", "/lab/v1/exec"},   {"POST", "/lab/v1/apply"},  {"POST", "/lab/v1/delete"},
  };
  api::Client client(lab_.socket("requests"), std::chrono::minutes(2));
  for (const auto& [method, path] : routes) {
    for (const std::string& body : bodies) {
      const api::Reply reply = client.send(method, path, body);
      EXPECT_LT(reply.status, 500) << path << " " << body.substr(0, 200) << "\n" << reply.body;
    }
  }
  for (const char* target :
       {"/lab/v1/dns/", "/lab/v1/dns/default", "/lab/v1/dns/default/%ff%fe", "/lab/v1/dns/%ff/a..b",
        "/lab/v1/services/", "/lab/v1/services/%ff", "/lab/v1/services/default/no%ff", "/lab/v1/logs",
        "/lab/v1/logs?pod=%ff", "/lab/v1/logs?pod=client&tail=1e300",
        "/lab/v1/logs?pod=client&follow=perhaps", "/lab/v1/none"}) {
    const api::Reply reply = client.send("GET", target);
    EXPECT_TRUE(reply.status < 500 || reply.status == 501) << target << "\n" << reply.body;
  }
  EXPECT_TRUE(ends_with(lab_.run({"get", "pods"}), kPassed));
}

}  // namespace
}  // namespace labctl::e2e
