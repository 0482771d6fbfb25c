// UDP and ICMP probes.

#include "tests/netns/engine/fake_server.hpp"
#include "tests/netns/engine/three_spaces.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <set>

namespace labctl::engine {
namespace {

using probes::Outcome;
using protocol::ProbeProtocol;
using std::chrono::milliseconds;

class DatagramProbe : public testing::Test {
 protected:
  Probe udp(const char* address, std::uint16_t port) const {
    Probe probe = spaces_.probe(address, port);
    probe.protocol = ProbeProtocol::Udp;
    return probe;
  }
  Probe icmp(const char* address) const {
    Probe probe = spaces_.probe(address, 0);
    probe.protocol = ProbeProtocol::Icmp;
    return probe;
  }
  ThreeSpaces spaces_;
  Engine engine_{nullptr};
};

TEST_F(DatagramProbe, AnEchoIsOk) {
  const FakeServer server =
      FakeServer::udp(spaces_.server.netns_fd, [](const std::string& datagram) { return datagram; });
  const Found found = run_one(engine_, udp("10.0.2.2", server.port()));
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  EXPECT_EQ(found.backend, "");
}

TEST_F(DatagramProbe, AnyOtherReplyOfTheServerIsOk) {
  const FakeServer server =
      FakeServer::udp(spaces_.server.netns_fd, [](const std::string&) { return std::string("what?"); });
  EXPECT_EQ(run_one(engine_, udp("10.0.2.2", server.port())).outcome, Outcome::Ok);
}

TEST_F(DatagramProbe, AServerThatNamesItselfIsTheBackend) {
  const FakeServer server = FakeServer::udp(spaces_.server.netns_fd, [](const std::string& datagram) {
    return datagram + " pod/default/a 10.0.1.2:999";
  });
  const Found found = run_one(engine_, udp("10.0.2.2", server.port()));
  EXPECT_EQ(found.backend, "pod/default/a");
  EXPECT_EQ(found.source, "10.0.1.2");
  EXPECT_EQ(found.source_port, 999);
}

TEST_F(DatagramProbe, AnotherBackendThanWantedIsAWrongAnswer) {
  const FakeServer server = FakeServer::udp(spaces_.server.netns_fd, [](const std::string& datagram) {
    return datagram + " pod/default/a 10.0.1.2:999";
  });
  Probe probe = udp("10.0.2.2", server.port());
  probe.expect_backend = "pod/default/b";
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::WrongAnswer);
  EXPECT_EQ(found.reason, "answered by pod/default/a, not by pod/default/b");
}

TEST_F(DatagramProbe, AClosedPortIsRefused) {
  const Found found = run_one(engine_, udp("10.0.2.2", 9));
  EXPECT_EQ(found.outcome, Outcome::Refused);
  EXPECT_EQ(found.reason, "10.0.2.2 answers: port unreachable (ICMP type 3 code 3)");
}

TEST_F(DatagramProbe, RoutersAndTheOwnKernelAreHeard) {
  const std::vector<Found> found =
      run_all(engine_, {udp("10.0.3.1", 9), udp("10.0.4.1", 9), udp("10.0.6.1", 9), udp("10.0.7.1", 9),
                        icmp("10.0.3.1"), icmp("10.0.4.1"), icmp("10.0.6.1"), icmp("10.0.7.1")});
  for (std::size_t i = 0; i < found.size(); i += 2) {
    EXPECT_EQ(found[i].outcome, Outcome::Prohibited) << i << ": " << found[i].reason;
    EXPECT_EQ(found[i + 1].outcome, Outcome::Unreachable) << i + 1 << ": " << found[i + 1].reason;
  }
  EXPECT_EQ(found[4].reason, "10.0.1.1 answers: communication prohibited (ICMP type 3 code 13)");
}

TEST_F(DatagramProbe, SilenceIsATimeout) {
  std::vector<Probe> probes{udp("10.0.5.1", 9), icmp("10.0.5.1")};
  for (Probe& probe : probes) {
    probe.timeout = milliseconds(150);
  }
  for (const Found& found : run_all(engine_, probes)) {
    EXPECT_EQ(found.outcome, Outcome::Timeout);
    EXPECT_EQ(found.reason, "no answer within 150ms");
  }
}

TEST_F(DatagramProbe, MixedOutcomesOnOneSocketAreToldApart) {
  const FakeServer server =
      FakeServer::udp(spaces_.server.netns_fd, [](const std::string& datagram) { return datagram; });
  std::vector<Probe> probes;
  // A router's routes answer one sender five times at once and then once a second (error_burst, error_cost).
  for (int i = 0; i < 4; ++i) {
    probes.push_back(udp("10.0.2.2", server.port()));
    probes.push_back(udp("10.0.3.1", 9));
    probes.push_back(udp("10.0.6.1", 9));
    probes.push_back(udp("10.0.5.1", 9));
    probes.back().timeout = milliseconds(300);
  }
  const std::vector<Found> found = run_all(engine_, probes);
  const Outcome wanted[] = {Outcome::Ok, Outcome::Prohibited, Outcome::Prohibited, Outcome::Timeout};
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].outcome, wanted[i % 4]) << i << ": " << found[i].reason;
  }
}

TEST_F(DatagramProbe, AReplyFromAnotherAddressIsAWrongAnswer) {
  // The client asks one socket; another one, on another port, answers.
  UniqueFd liar;
  {
    const kernel::NamespaceScope scope(spaces_.server.netns_fd);
    liar.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  }
  const FakeServer relay = FakeServer::udp(spaces_.server.netns_fd, [&](const std::string& datagram) {
    sockaddr_storage to{};
    const socklen_t size = ip("10.0.1.2").to_sockaddr(4321, to);
    ::sendto(liar.get(), datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&to), size);
    return std::string();
  });
  Probe probe = udp("10.0.2.2", relay.port());
  probe.source_port = 4321;
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::WrongAnswer);
  EXPECT_TRUE(found.reason.starts_with("the reply came from 10.0.2.2:")) << found.reason;
}

TEST_F(DatagramProbe, ASourcePortIsUsedByAllProbesThatWantIt) {
  std::set<std::string> seen;
  std::mutex mutex;
  const FakeServer server = FakeServer::udp(spaces_.server.netns_fd, [&](const std::string& datagram) {
    const std::lock_guard lock(mutex);
    seen.insert(datagram);
    return datagram;
  });
  std::vector<Probe> probes(300, udp("10.0.2.2", server.port()));
  for (Probe& probe : probes) {
    probe.source_port = 4321;
  }
  for (const Found& found : run_all(engine_, probes)) {
    EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  }
  EXPECT_EQ(seen.size(), probes.size()) << "each probe has a token of its own";
}

// Connection tracking keeps a source port with its backend; whoever counts
// backends wants a port for each try.
TEST_F(DatagramProbe, OfAServiceEachTryHasASourcePortOfItsOwn) {
  std::set<std::uint16_t> ports;
  std::mutex mutex;
  const FakeServer server =
      FakeServer::udp_from(spaces_.server.netns_fd, [&](const std::string& datagram, std::uint16_t port) {
        const std::lock_guard lock(mutex);
        ports.insert(port);
        return datagram;
      });
  const auto ports_of = [&](Probe probe) {
    {
      const std::lock_guard lock(mutex);
      ports.clear();
    }
    EXPECT_EQ(run_one(engine_, probe).outcomes[Outcome::Ok], probe.count);
    const std::lock_guard lock(mutex);
    return ports.size();
  };
  Probe probe = udp("10.0.2.2", server.port());
  probe.count = 50;
  EXPECT_EQ(ports_of(probe), 1u);
  probe.identify = Identify::Ask;
  EXPECT_GT(ports_of(probe), 40u) << "the kernel may choose one again";
  probe.source_port = 4321;
  EXPECT_EQ(ports_of(probe), 1u);
}

TEST_F(DatagramProbe, AnAddressThatIsThereAnswersIcmp) {
  const Found found = run_one(engine_, icmp("10.0.2.2"));
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  EXPECT_GT(found.rtt_us_min, 0u);
}

TEST_F(DatagramProbe, CountedPingsAreAllAnswered) {
  Probe probe = icmp("10.0.2.2");
  probe.count = 1000;
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcomes[Outcome::Ok], 1000u) << found.reason;
}

TEST_F(DatagramProbe, ManyPingsAtOnceAreAllAnswered) {
  std::vector<Probe> probes;
  for (int i = 0; i < 20000; ++i) {
    probes.push_back(icmp(i % 2 == 0 ? "10.0.2.2" : "10.0.2.1"));
  }
  EXPECT_EQ(engine_.run(probes, [](const Result&) {})[Outcome::Ok], probes.size());
}

TEST_F(DatagramProbe, TheOwnAddressAnswers) {
  EXPECT_EQ(run_one(engine_, icmp("10.0.1.2")).outcome, Outcome::Ok);
  EXPECT_EQ(run_one(engine_, icmp("127.0.0.1")).outcome, Outcome::Ok);
  Probe probe = icmp("10.0.2.2");
  probe.address = ip("::1");
  EXPECT_EQ(run_one(engine_, probe).outcome, Outcome::Ok);
}

}  // namespace
}  // namespace labctl::engine
