// Probing from the server's own process: who answered, taken from the accept queue.

#include "probes/server/listener_table.hpp"
#include "tests/netns/server/server_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

namespace labctl::server {
namespace {

using ::testing::StartsWith;

const IpAddress kLoopback = IpAddress::loopback(Family::IPv4);

sockaddr_storage local_address(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return address;
}

class Claim : public BuiltInServer {
 protected:
  // Asks claim() until the kernel has put the connection into the queue; over loopback that is at once.
  std::optional<Answer> claim(std::uint16_t port, int fd) {
    const auto listener = server().find_listener(kLoopback, model::Protocol::Tcp, port);
    return listener ? server().claim(*listener, local_address(fd)) : std::nullopt;
  }
};

TEST_F(Claim, SaysWhoAnsweredAndWhichSourceItSaw) {
  const PodId pod = add_pod("a");
  start(pod, {"netexec"});
  const Server::QuietAccepts quiet(server());
  const UniqueFd fd = tcp_connect(netns(pod), 8080);
  const auto answer = claim(8080, fd.get());
  ASSERT_TRUE(answer);
  EXPECT_EQ(server().name_of(answer->backend), "pod/default/a");
  EXPECT_EQ(answer->source, kLoopback);
  EXPECT_EQ(answer->source_port, port_of(local_address(fd.get())));
  EXPECT_EQ(read_to_end(fd.get()), "RST");
}

TEST_F(Claim, LeavesOtherProbesTheirConnections) {
  const PodId pod = add_pod("a");
  start(pod, {"netexec"});
  const Server::QuietAccepts quiet(server());
  const UniqueFd first = tcp_connect(netns(pod), 8080);
  const UniqueFd second = tcp_connect(netns(pod), 8080);
  EXPECT_TRUE(claim(8080, second.get()));
  EXPECT_TRUE(claim(8080, first.get()));
  EXPECT_FALSE(claim(8080, first.get()));
}

TEST_F(Claim, AnyFindsTheListenerBehindAService) {
  const PodId pod = add_pod("a");
  start(pod, {"netexec", "--http-port=80", "--udp-port=-1"});
  start(pod, {"porter"}, {{"SERVE_PORT_81", "x"}});
  const Server::QuietAccepts quiet(server());
  const UniqueFd other = tcp_connect(netns(pod), 80);
  const UniqueFd mine = tcp_connect(netns(pod), 81);
  const auto answer = server().claim_any(local_address(mine.get()));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->backend, pod);
  EXPECT_TRUE(server().claim_any(local_address(other.get())));
}

TEST_F(Claim, WhatNobodyClaimsIsServedAsUsual) {
  const PodId pod = add_pod("a");
  start(pod, {"netexec"});
  const Server::QuietAccepts quiet(server());
  EXPECT_EQ(http_get(netns(pod), 8080, "/hostname").body, "a");
  EXPECT_EQ(udp_ask(netns(pod), 8081, "hostname"), "a");
}

TEST_F(Claim, ReleaseHandsAConnectionToTheLoopForTheWordyWay) {
  const PodId pod = add_pod("a");
  start(pod, {"netexec"});
  const Server::QuietAccepts quiet(server());
  const UniqueFd fd = tcp_connect(netns(pod), 8080);
  // As if a hop had changed the source: the queue holds no connection from this one.
  sockaddr_storage other;
  IpAddress::parse("192.0.2.1")->to_sockaddr(1234, other);
  const auto listener = server().find_listener(kLoopback, model::Protocol::Tcp, 8080);
  ASSERT_TRUE(listener);
  EXPECT_FALSE(server().claim(*listener, other));
  server().release();
  const std::string request = "GET /labctl/probe HTTP/1.0\r\n\r\n";
  ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
  EXPECT_THAT(read_to_end(fd.get()), ::testing::HasSubstr("pod/default/a\n127.0.0.1:"));
}

TEST_F(Claim, AProberThatEndsLeavesOthersTheirConnections) {
  const PodId pod = add_pod("a");
  start(pod, {"netexec"});
  const Server::QuietAccepts quiet(server());
  const UniqueFd mine = tcp_connect(netns(pod), 8080);
  {
    const Server::QuietAccepts other_quiet(server());
    const UniqueFd other = tcp_connect(netns(pod), 8080);
    EXPECT_TRUE(claim(8080, other.get())) << "which has parked mine";
  }
  EXPECT_TRUE(claim(8080, mine.get()));
}

TEST_F(Claim, ReleaseKeepsWhatCannotBeAskedByHttp) {
  const PodId pod = add_pod("a");
  start(pod, {"tcp-reset", "--port=81"});
  const Server::QuietAccepts quiet(server());
  const UniqueFd mine = tcp_connect(netns(pod), 81);
  const UniqueFd other = tcp_connect(netns(pod), 81);
  EXPECT_TRUE(claim(81, other.get())) << "which has parked mine";
  server().release();
  EXPECT_TRUE(claim(81, mine.get()));
}

TEST_F(Claim, WithoutQuietNothingIsLost) {
  const PodId pod = add_pod("a");
  start(pod, {"netexec"});
  sockaddr_storage other;
  IpAddress::parse("192.0.2.1")->to_sockaddr(1234, other);
  for (int i = 0; i < 50; ++i) {
    const UniqueFd fd = tcp_connect(netns(pod), 8080);
    const auto listener = server().find_listener(kLoopback, model::Protocol::Tcp, 8080);
    server().claim(*listener, other);  // parks it, if it is before the loop
    const std::string request = "GET /hostname HTTP/1.0\r\n\r\n";
    ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
    ASSERT_THAT(read_to_end(fd.get()), ::testing::HasSubstr("\r\n\r\na"));
  }
}

TEST_F(Claim, UdpIsAnsweredOnTheProbersThread) {
  const PodId pod = add_pod("a");
  start(pod, {"netexec"});
  const Server::QuietAccepts quiet(server());
  const auto listener = server().find_listener(kLoopback, model::Protocol::Udp, 8081);
  ASSERT_TRUE(listener);
  std::string answer;
  std::atomic<bool> done{false};
  std::thread client([&] {
    answer = udp_ask(netns(pod), 8081, "labctl-probe 1");
    done = true;
  });
  while (!done) {
    server().serve_udp(*listener);
  }
  client.join();
  EXPECT_THAT(answer, StartsWith("labctl-probe 1 pod/default/a 127.0.0.1:"));
}

TEST_F(Claim, DescribeSaysWhetherItSpeaksHttp) {
  const PodId pod = add_pod("a");
  start(pod, {"tcp-reset", "--port=1"});
  start(pod, {"netexec"});
  EXPECT_FALSE(server().describe(*server().find_listener(kLoopback, model::Protocol::Tcp, 1))->http);
  EXPECT_TRUE(server().describe(*server().find_listener(kLoopback, model::Protocol::Tcp, 8080))->http);
  EXPECT_FALSE(server().describe(*server().find_listener(kLoopback, model::Protocol::Udp, 8081))->http);
  EXPECT_FALSE(server().describe({}));
}

struct Probed {
  int found = 0;
  // Not found by a prober that was kept from looking for longer than a connection stays parked:
  // the loop has it.
  int late = 0;
  int lost = 0;
};

// Refused, reset or ended by the other side.
bool is_over(const UniqueFd& fd) {
  pollfd end{fd.get(), POLLRDHUP, 0};
  return ::poll(&end, 1, 0) == 1 && (end.revents & (POLLERR | POLLHUP | POLLRDHUP)) != 0;
}

// Claims the connection that `fd` has been connecting since `begin`, as a prober does: the kernel may put
// it into the queue after connect() has returned, so it is looked for again. A look that comes kParkFor
// after the one before may find that the loop has taken the connection; for one that was always looked for
// there is no excuse.
void claim_until_found(Server& server, const UniqueFd& fd, std::chrono::steady_clock::time_point begin,
                       std::uint16_t port, bool any, Probed& probed) {
  using Clock = std::chrono::steady_clock;
  const sockaddr_storage client = local_address(fd.get());
  const auto listener = server.find_listener(kLoopback, model::Protocol::Tcp, port);
  for (auto look = begin; look - begin < std::chrono::seconds(10);) {
    const auto answer = any        ? server.claim_any(client)
                        : listener ? server.claim(*listener, client)
                                   : std::nullopt;
    if (answer) {
      ++probed.found;
      return;
    }
    const auto next = Clock::now();
    if (next - look >= ListenerTable::kParkFor) {
      ++probed.late;
      return;
    }
    if (is_over(fd)) {
      return;
    }
    look = next;
    std::this_thread::yield();
  }
  ++probed.lost;
}

// Connects and claims, `count` times over `pods`.
Probed probe_all(Server& server, const std::vector<int>& namespaces, std::uint16_t port, int count,
                 bool any) {
  Probed probed;
  for (int i = 0; i < count; ++i) {
    UniqueFd fd;
    {
      const kernel::NamespaceScope visit(namespaces[static_cast<std::size_t>(i) % namespaces.size()]);
      fd = open_client(model::Protocol::Tcp, AF_INET);
    }
    sockaddr_storage target;
    const socklen_t length = kLoopback.to_sockaddr(port, target);
    const auto begin = std::chrono::steady_clock::now();
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&target), length) != 0 &&
        errno != EINPROGRESS) {
      continue;
    }
    claim_until_found(server, fd, begin, port, any, probed);
    const linger now{1, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  return probed;
}

void expect_all_found(const std::array<Probed, 2>& probed, int count) {
  for (const Probed& each : probed) {
    EXPECT_GT(each.found, 0);
    EXPECT_EQ(each.lost, 0);
    EXPECT_EQ(each.found + each.late, count);
  }
}

TEST_F(Claim, TwoProbersOnOneListenerFindEachTheirOwn) {
  const PodId pod = add_pod("a");
  start(pod, {"netexec"});
  std::array<Probed, 2> probed;
  std::vector<std::thread> probers;
  for (Probed& mine : probed) {
    probers.emplace_back([&] {
      Server::QuietAccepts quiet(server());
      mine = probe_all(server(), {netns(pod)}, 8080, 5000, false);
    });
  }
  for (std::thread& prober : probers) {
    prober.join();
  }
  expect_all_found(probed, 5000);
  EXPECT_EQ(http_get(netns(pod), 8080, "/hostname").body, "a");
}

TEST_F(Claim, AnyWorksForTwoProbersAtOnce) {
  const PodId pod = add_pod("a");
  start(pod, {"netexec"});
  std::array<Probed, 2> probed;
  std::vector<std::thread> probers;
  for (Probed& mine : probed) {
    probers.emplace_back([&] {
      Server::QuietAccepts quiet(server());
      mine = probe_all(server(), {netns(pod)}, 8080, 2000, true);
    });
  }
  for (std::thread& prober : probers) {
    prober.join();
  }
  expect_all_found(probed, 2000);
}

TEST_F(Claim, PodsMayComeAndGoWhileProbersRun) {
  const PodId stable = add_pod("stable");
  start(stable, {"netexec", "--http-port=80"});
  const kernel::NetworkNamespace space = make_namespace();
  std::atomic<bool> stop{false};
  std::vector<std::thread> probers;
  for (int i = 0; i < 2; ++i) {
    probers.emplace_back([&, i] {
      while (!stop) {
        Server::QuietAccepts quiet(server());
        probe_all(server(), {space.fd()}, 8080, 20, i == 1);
        probe_all(server(), {netns(stable)}, 80, 20, false);
        quiet.drain();
      }
    });
  }
  for (int round = 0; round < 300; ++round) {
    Identity identity;
    identity.id = "pod/default/brief-" + std::to_string(round);
    identity.addresses = {kLoopback};
    identity.netns_fd = space.fd();
    const PodId pod = server().add_pod(std::move(identity));
    start(pod, {"netexec"});
    if (round % 3 == 0) {
      http_get(space.fd(), 8080, "/hostname");
    }
    server().remove_pod(pod);
  }
  stop = true;
  for (std::thread& prober : probers) {
    prober.join();
  }
  EXPECT_EQ(http_get(netns(stable), 80, "/hostname").body, "stable");
}

}  // namespace
}  // namespace labctl::server
