// TCP and SCTP probes against ordinary programs, routers and silence.

#include "tests/netns/engine/fake_server.hpp"
#include "tests/netns/engine/three_spaces.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <chrono>

namespace labctl::engine {
namespace {

using probes::Outcome;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

class StreamProbe : public testing::Test {
 protected:
  ThreeSpaces spaces_;
  Engine engine_{nullptr};
};

TEST_F(StreamProbe, AnOpenPortIsOkByTheHandshakeAlone) {
  std::atomic<int> bytes = 0;
  const FakeServer server = FakeServer::tcp(spaces_.server.netns_fd, [&](int fd) {
    char byte = 0;
    bytes += static_cast<int>(::recv(fd, &byte, 1, 0) > 0);
  });
  const Found found = run_one(engine_, spaces_.probe("10.0.2.2", server.port()));
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  EXPECT_EQ(found.backend, "");
  EXPECT_EQ(found.tries, 1u);
  EXPECT_GT(found.rtt_us_min, 0u);
  EXPECT_EQ(bytes, 0) << "a plain probe sent something";
}

TEST_F(StreamProbe, AClosedPortIsRefused) {
  const Found found = run_one(engine_, spaces_.probe("10.0.2.2", 9));
  EXPECT_EQ(found.outcome, Outcome::Refused);
  EXPECT_EQ(found.reason, "connect: Connection refused (ECONNREFUSED)");
}

TEST_F(StreamProbe, ARoutersProhibitionIsHeardAtOnce) {
  Probe probe = spaces_.probe("10.0.3.1", 80);
  probe.timeout = seconds(60);
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::Prohibited) << "not after a minute, as a timeout";
  EXPECT_EQ(found.reason, "10.0.1.1 answers: communication prohibited (ICMP type 3 code 13)");
}

TEST_F(StreamProbe, ARoutersUnreachableIsHeardAtOnce) {
  const Found found = run_one(engine_, spaces_.probe("10.0.4.1", 80));
  EXPECT_EQ(found.outcome, Outcome::Unreachable);
  EXPECT_EQ(found.reason, "10.0.1.1 answers: destination unreachable (ICMP type 3 code 1)");
}

TEST_F(StreamProbe, SilenceIsATimeoutAndKeepsItsTime) {
  Probe probe = spaces_.probe("10.0.5.1", 80);
  probe.timeout = milliseconds(200);
  const auto began = steady_clock::now();
  const Found found = run_one(engine_, probe);
  const auto took = steady_clock::now() - began;
  EXPECT_EQ(found.outcome, Outcome::Timeout);
  EXPECT_EQ(found.reason, "no answer within 200ms") << "not two minutes later, in the kernel's words";
  EXPECT_GE(took, milliseconds(200));
}

TEST_F(StreamProbe, TheOwnKernelsProhibitionIsProhibited) {
  EXPECT_EQ(run_one(engine_, spaces_.probe("10.0.6.1", 80)).outcome, Outcome::Prohibited);
}

TEST_F(StreamProbe, TheOwnKernelsUnreachableIsUnreachable) {
  EXPECT_EQ(run_one(engine_, spaces_.probe("10.0.7.1", 80)).outcome, Outcome::Unreachable);
}

TEST_F(StreamProbe, AnotherFamilyThanTheNetworkHasIsUnreachable) {
  Probe probe = spaces_.probe("10.0.2.2", 80);
  probe.address = ip("2001:db8::1");
  EXPECT_EQ(run_one(engine_, probe).outcome, Outcome::Unreachable);
}

TEST_F(StreamProbe, ASourcePortIsTheOneTheServerSees) {
  std::atomic<int> port = 0;
  const FakeServer server = FakeServer::tcp(spaces_.server.netns_fd, [&](int fd) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size);
    port = port_of(peer) != 0 ? port_of(peer) : port.load();
    port.notify_all();
  });
  Probe probe = spaces_.probe("10.0.2.2", server.port());
  probe.protocol = protocol::ProbeProtocol::Http;  // so that the connection lives until the server has looked
  probe.source_port = 4321;
  run_one(engine_, probe);
  port.wait(0);
  EXPECT_EQ(port, 4321);
}

TEST_F(StreamProbe, ASourcePortServesManyTriesInTurn) {
  const FakeServer server = FakeServer::tcp(spaces_.server.netns_fd, [](int) {});
  Probe probe = spaces_.probe("10.0.2.2", server.port());
  probe.source_port = 4321;
  probe.count = 50;
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  EXPECT_EQ(found.tries, 50u);
}

TEST_F(StreamProbe, ATakenSourcePortIsInconclusive) {
  const FakeServer taken = FakeServer::tcp(
      spaces_.client.netns_fd, [](int) {}, 4321);
  Probe probe = spaces_.probe("10.0.2.2", 80);
  probe.source_port = 4321;
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::Inconclusive);
  EXPECT_NE(found.reason.find("EADDRINUSE"), std::string::npos) << found.reason;
}

TEST_F(StreamProbe, SctpIsProbedOrSaidToBeMissing) {
  Probe probe = spaces_.probe("10.0.2.2", 80);
  probe.protocol = protocol::ProbeProtocol::Sctp;
  const Found found = run_one(engine_, probe);
  if (found.outcome == Outcome::Inconclusive) {
    EXPECT_EQ(found.reason, "the kernel has no SCTP");
  } else {
    EXPECT_EQ(found.outcome, Outcome::Refused);
  }
}

TEST_F(StreamProbe, ANamespaceThatIsNoneIsInconclusive) {
  UniqueFd file(::dup(STDIN_FILENO));
  const Vantage wrong{"pod/default/gone", file.get(), {}};
  Probe probe = spaces_.probe("10.0.2.2", 80);
  probe.from = &wrong;
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::Inconclusive);
  EXPECT_NE(found.reason.find("enter network namespace"), std::string::npos) << found.reason;
}

}  // namespace
}  // namespace labctl::engine
