// Who answered: probes of the built-in server.

#include "probes/server/server.hpp"
#include "tests/netns/engine/fake_server.hpp"
#include "tests/netns/engine/three_spaces.hpp"

#include <gtest/gtest.h>

#include <poll.h>

#include <chrono>
#include <map>
#include <optional>

namespace labctl::engine {
namespace {

using probes::Outcome;
using protocol::ProbeProtocol;

server::Role role_with(std::initializer_list<server::Endpoint> endpoints) {
  server::Role role;
  role.name = "declared ports";
  role.endpoints = endpoints;
  return role;
}

server::Endpoint endpoint(model::Protocol protocol, std::uint16_t port, server::Service service) {
  server::Endpoint endpoint;
  endpoint.protocol = protocol;
  endpoint.port = port;
  endpoint.service = service;
  return endpoint;
}

class Identity : public testing::Test {
 protected:
  Identity() {
    pod_ = server_.add_pod(
        {"pod/default/server", "server", "default", "server", {ip("10.0.2.2")}, spaces_.server.netns_fd});
    server_.start(pod_, role_with({endpoint(model::Protocol::Tcp, 80, server::Service::NetexecHttp),
                                   endpoint(model::Protocol::Tcp, 81, server::Service::HostnameText),
                                   endpoint(model::Protocol::Udp, 80, server::Service::NetexecText)}));
  }
  Probe udp(std::uint16_t port) const {
    Probe probe = spaces_.probe("10.0.2.2", port);
    probe.protocol = ProbeProtocol::Udp;
    return probe;
  }

  ThreeSpaces spaces_{8};
  server::Server server_;
  Engine engine_{&server_};
  server::PodId pod_ = 0;
};

TEST_F(Identity, TcpLearnsWhoAnsweredAndWhatItSaw) {
  const Found found = run_one(engine_, spaces_.probe("10.0.2.2", 80));
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  EXPECT_EQ(found.backend, "pod/default/server");
  EXPECT_EQ(found.source, "10.0.1.2");
  EXPECT_NE(found.source_port, 0);
}

TEST_F(Identity, TcpPortsWithoutHttpAreKnownToo) {
  const Found found = run_one(engine_, spaces_.probe("10.0.2.2", 81));
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  EXPECT_EQ(found.backend, "pod/default/server");
}

TEST_F(Identity, UdpLearnsWhoAnswered) {
  const Found found = run_one(engine_, udp(80));
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  EXPECT_EQ(found.backend, "pod/default/server");
  EXPECT_EQ(found.source, "10.0.1.2");
}

TEST_F(Identity, NeverMeansTheHandshakeIsAll) {
  Probe probe = spaces_.probe("10.0.2.2", 80);
  probe.identify = Identify::Never;
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::Ok);
  EXPECT_EQ(found.backend, "");
}

TEST_F(Identity, AnAddressNobodyToldTheServerOfIsFoundByAsking) {
  // As behind a Service: the listener is there, but not under the address that is probed.
  Probe probe = spaces_.probe("10.0.2.3", 80);
  EXPECT_EQ(run_one(engine_, probe).backend, "");
  probe.identify = Identify::Ask;
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  EXPECT_EQ(found.backend, "pod/default/server");
  EXPECT_EQ(found.source, "10.0.1.2");
}

TEST_F(Identity, AnotherProgramThatIsAskedIsOkAndUnknown) {
  const FakeServer mute =
      FakeServer::tcp(spaces_.server.netns_fd, [](int fd) { read_until(fd, "never comes"); });
  const FakeServer web = FakeServer::tcp(spaces_.server.netns_fd, [](int fd) {
    read_until(fd, "\r\n\r\n");
    write_all(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  });
  for (const FakeServer* server : {&mute, &web}) {
    Probe probe = spaces_.probe("10.0.2.2", server->port());
    probe.identify = Identify::Ask;
    probe.timeout = std::chrono::hours(1);  // which it is not to wait for
    const Found found = run_one(engine_, probe);
    EXPECT_EQ(found.outcome, Outcome::Ok);
    EXPECT_EQ(found.backend, "");
    EXPECT_EQ(found.reason, "connected, but the other side did not say who it is");
  }
}

TEST_F(Identity, AServerOnABusyMachineMayBeGivenMoreTime) {
  const FakeServer slow = FakeServer::tcp(spaces_.server.netns_fd, [](int fd) {
    read_until(fd, "\r\n\r\n");
    ::poll(nullptr, 0, 700);
    write_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\npod/default/slow 192.0.2.1:40312\n");
  });
  Probe probe = spaces_.probe("10.0.2.2", slow.port());
  probe.identify = Identify::Ask;
  probe.timeout = std::chrono::seconds(30);
  EXPECT_EQ(run_one(Engine(&server_, {.ask_timeout = std::chrono::seconds(30)}), probe).backend,
            "pod/default/slow");
}

TEST_F(Identity, TheWrongPodIsAWrongAnswer) {
  Probe probe = spaces_.probe("10.0.2.2", 80);
  probe.expect_backend = "pod/default/other";
  EXPECT_EQ(run_one(engine_, probe).outcome, Outcome::WrongAnswer);
  probe.expect_backend = "pod/default/server";
  EXPECT_EQ(run_one(engine_, probe).outcome, Outcome::Ok);
}

TEST_F(Identity, AnUnknownPodWhereOneIsExpectedIsInconclusive) {
  const FakeServer mute = FakeServer::tcp(spaces_.server.netns_fd, [](int) {});
  Probe probe = spaces_.probe("10.0.2.2", mute.port());
  probe.expect_backend = "pod/default/server";
  EXPECT_EQ(run_one(engine_, probe).outcome, Outcome::Inconclusive);
}

TEST_F(Identity, HttpIsServedWhileARunIsOn) {
  std::vector<Probe> probes;
  for (int i = 0; i < 2000; ++i) {
    probes.push_back(spaces_.probe("10.0.2.2", 80));
    if (i % 4 == 0) {
      probes.back().protocol = ProbeProtocol::Http;
      auto request = std::make_shared<protocol::HttpRequest>();
      request->path = "/hostname";
      probes.back().http = request;
      probes.back().timeout = std::chrono::seconds(10);
    }
  }
  int bodies = 0;
  const probes::OutcomeCounts counts =
      engine_.run(probes, [&](const Result& result) { bodies += result.http.body == "server" ? 1 : 0; });
  EXPECT_EQ(counts[Outcome::Ok], probes.size()) << to_string(counts);
  EXPECT_EQ(bodies, 500);
}

// Many pods, each with an address of its own; two workers that meet at the same accept queues.
TEST_F(Identity, TwentyThousandConnectsAreEachAnsweredByTheRightPod) {
  server_.remove_pod(pod_);
  std::vector<std::string> names;
  std::vector<IpAddress> addresses;
  std::vector<kernel::NetworkNamespace> kept;
  for (std::uint64_t i = 0; i < 8; ++i) {
    names.push_back("pod/default/p" + std::to_string(i));
    addresses.push_back(ip("10.0.2.3").plus(i));
    const auto pod =
        server_.add_pod({names[i], "p", "default", "p", {addresses[i]}, spaces_.server.netns_fd});
    server::Endpoint tcp = endpoint(model::Protocol::Tcp, 8080, server::Service::NetexecHttp);
    server::Endpoint udp = endpoint(model::Protocol::Udp, 8081, server::Service::NetexecText);
    tcp.addresses = udp.addresses = {addresses[i]};
    server_.start(pod, role_with({tcp, udp}));
  }
  const Vantage router{"node/router", spaces_.router_space.fd(), {}};
  std::vector<Probe> probes;
  for (std::size_t i = 0; i < 20000; ++i) {
    Probe probe = spaces_.probe("10.0.2.3", 8080);
    probe.from = i % 2 == 0 ? &spaces_.client : &router;
    probe.address = addresses[i % addresses.size()];
    probe.expect_backend = names[i % names.size()];
    if (i % 5 == 0) {
      probe.protocol = ProbeProtocol::Udp;
      probe.port = 8081;
    }
    probe.timeout = std::chrono::seconds(10);
    probes.push_back(std::move(probe));
  }
  const std::size_t open = open_descriptors();
  std::map<std::string, int> sources;
  std::string reason;
  const probes::OutcomeCounts counts = engine_.run(probes, [&](const Result& result) {
    ++sources[result.source ? to_string(*result.source) : "unknown"];
    reason = result.outcome == Outcome::Ok ? reason : result.reason;
  });
  EXPECT_EQ(counts[Outcome::Ok], probes.size()) << to_string(counts) << "; " << reason;
  EXPECT_EQ(sources["10.0.1.2"], 10000);
  EXPECT_EQ(sources["10.0.2.1"], 10000);
  EXPECT_LE(open_descriptors(), open);
}

}  // namespace
}  // namespace labctl::engine
