// Tracked connections on the real kernel: that they are told as they are, and forgotten one by one.

#include "topology/kernel/conntrack.hpp"

#include "tests/support/addresses.hpp"
#include "topology/kernel/netlink_batch.hpp"
#include "topology/kernel/network_namespace.hpp"
#include "topology/kernel/nft_context.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace labctl::kernel {
namespace {

// A Service address that has no host, and the endpoints it is translated to.
constexpr const char* kTranslation = R"(
table inet lab {
  chain out {
    type nat hook output priority -100;
    ip daddr 10.96.0.1 udp dport 53 dnat ip to 192.0.2.2:5300
    ip6 daddr 2001:db8:96::1 udp dport 53 dnat ip6 to [2001:db8::2]:5300
    ip daddr 10.96.0.1 tcp dport 80 dnat ip to 192.0.2.2:8080
  }
})";

struct Names {
  Family family;
  const char* client;
  const char* endpoint;
  const char* service;
  const char* services;
};

constexpr Names kV4{Family::IPv4, "192.0.2.1", "192.0.2.2", "10.96.0.1", "10.96.0.0/24"};
constexpr Names kV6{Family::IPv6, "2001:db8::1", "2001:db8::2", "2001:db8:96::1", "2001:db8:96::/112"};

UniqueFd bound(int type, const char* address, std::uint16_t port) {
  sockaddr_storage where{};
  const socklen_t size = ip(address).to_sockaddr(port, where);
  UniqueFd fd(::socket(ip(address).af(), type | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&where), size), 0) << address;
  return fd;
}

class ConntrackTest : public testing::TestWithParam<Names> {
 protected:
  ConntrackTest() {
    scope_.enter_new();
    NetlinkBatch batch;
    batch.set_link(1, true);
    for (const Names& names : {kV4, kV6}) {
      for (const char* address : {names.client, names.endpoint}) {
        batch.add_address(1, ip(address), names.family == Family::IPv4 ? 32 : 128);
      }
      batch.add_route({prefix(names.services), std::nullopt, 1, false});
    }
    NetlinkSocket::open().send(batch);
    NftContext::open().run(kTranslation);
    socket_.emplace(ConntrackSocket::open());
  }

  // A datagram from the client to the Service.
  void send(const UniqueFd& client) {
    sockaddr_storage to{};
    const socklen_t size = ip(GetParam().service).to_sockaddr(53, to);
    EXPECT_EQ(::sendto(client.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&to), size), 1);
  }
  // The endpoint's answer to what it got.
  static void answer(const UniqueFd& endpoint) {
    char byte = 0;
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    EXPECT_EQ(::recvfrom(endpoint.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&from), &size), 1);
    EXPECT_EQ(::sendto(endpoint.get(), "y", 1, 0, reinterpret_cast<sockaddr*>(&from), size), 1);
  }
  std::vector<Flow> udp() { return socket_->list(GetParam().family, IPPROTO_UDP); }

  NamespaceScope scope_;
  std::optional<ConntrackSocket> socket_;
};

TEST_P(ConntrackTest, AFlowIsToldAsItWasSentAndAsItIsAnswered) {
  EXPECT_TRUE(udp().empty());
  const UniqueFd endpoint = bound(SOCK_DGRAM, GetParam().endpoint, 5300);
  const UniqueFd client = bound(SOCK_DGRAM, GetParam().client, 4000);
  send(client);
  std::vector<Flow> flows = udp();
  ASSERT_EQ(flows.size(), 1u);
  const Flow flow = flows[0];
  EXPECT_EQ(flow.family, GetParam().family);
  EXPECT_EQ(flow.protocol, IPPROTO_UDP);
  EXPECT_EQ(to_string(flow.orig_src, flow.orig_sport), to_string(ip(GetParam().client), 4000));
  EXPECT_EQ(to_string(flow.orig_dst, flow.orig_dport), to_string(ip(GetParam().service), 53));
  EXPECT_EQ(to_string(flow.reply_src, flow.reply_sport), to_string(ip(GetParam().endpoint), 5300));
  EXPECT_EQ(to_string(flow.reply_dst, flow.reply_dport), to_string(ip(GetParam().client), 4000));
  EXPECT_FALSE(flow.seen_reply);
  EXPECT_FALSE(flow.is_assured);
  answer(endpoint);
  flows = udp();
  ASSERT_EQ(flows.size(), 1u);
  EXPECT_TRUE(flows[0].seen_reply);
  EXPECT_EQ(flows[0].id, flow.id);
}

TEST_P(ConntrackTest, CountsWhatThisNamespaceTracks) {
  EXPECT_EQ(socket_->count(), 0u);
  const UniqueFd endpoint = bound(SOCK_DGRAM, GetParam().endpoint, 5300);
  const UniqueFd client = bound(SOCK_DGRAM, GetParam().client, 4000);
  send(client);
  EXPECT_EQ(socket_->count(), 1u);
  NamespaceScope other;
  other.enter_new();
  EXPECT_EQ(ConntrackSocket::open().count(), 0u);
}

TEST_P(ConntrackTest, AnErasedFlowIsGoneOnce) {
  const UniqueFd endpoint = bound(SOCK_DGRAM, GetParam().endpoint, 5300);
  const UniqueFd client = bound(SOCK_DGRAM, GetParam().client, 4000);
  const UniqueFd other = bound(SOCK_DGRAM, GetParam().client, 4001);
  send(client);
  send(other);
  std::vector<Flow> flows = udp();
  ASSERT_EQ(flows.size(), 2u);
  const Flow gone = flows[0].orig_sport == 4000 ? flows[0] : flows[1];
  EXPECT_TRUE(socket_->erase(gone));
  EXPECT_FALSE(socket_->erase(gone));
  flows = udp();
  ASSERT_EQ(flows.size(), 1u);
  EXPECT_EQ(flows[0].orig_sport, 4001);
}

TEST_P(ConntrackTest, ALaterFlowBetweenTheSameEndsIsNotErasedForTheEarlier) {
  const UniqueFd endpoint = bound(SOCK_DGRAM, GetParam().endpoint, 5300);
  const UniqueFd client = bound(SOCK_DGRAM, GetParam().client, 4000);
  send(client);
  Flow earlier = udp().at(0);
  ASSERT_TRUE(socket_->erase(earlier));
  send(client);
  const Flow later = udp().at(0);
  // The kernel may give the same number again: any other than the later's stands for the earlier's.
  earlier.id = later.id + 1;
  EXPECT_FALSE(socket_->erase(earlier));
  EXPECT_EQ(udp().size(), 1u);
  EXPECT_TRUE(socket_->erase(later));
}

TEST_P(ConntrackTest, AClientThatGoesOnReachesTheNewEndpointOnceItsFlowIsForgotten) {
  const UniqueFd before = bound(SOCK_DGRAM, GetParam().endpoint, 5300);
  const UniqueFd client = bound(SOCK_DGRAM, GetParam().client, 4000);
  send(client);
  const bool is_v4 = GetParam().family == Family::IPv4;
  NftContext::open().run(
      is_v4 ? "flush chain inet lab out\n"
              "add rule inet lab out ip daddr 10.96.0.1 udp dport 53 dnat ip to 192.0.2.1:5301"
            : "flush chain inet lab out\n"
              "add rule inet lab out ip6 daddr 2001:db8:96::1 udp dport 53 "
              "dnat ip6 to [2001:db8::1]:5301");
  const UniqueFd after = bound(SOCK_DGRAM, GetParam().client, 5301);
  send(client);
  char byte = 0;
  EXPECT_EQ(::recv(after.get(), &byte, 1, MSG_DONTWAIT), -1) << "a flow keeps its translation";
  for (const Flow& flow : udp()) {
    EXPECT_TRUE(socket_->erase(flow));
  }
  send(client);
  EXPECT_EQ(::recv(after.get(), &byte, 1, 0), 1);
}

INSTANTIATE_TEST_SUITE_P(BothFamilies, ConntrackTest, testing::Values(kV4, kV6),
                         [](const auto& names) { return std::string(to_string(names.param.family)); });

class ConntrackOfMany : public ConntrackTest {};
INSTANTIATE_TEST_SUITE_P(IPv4, ConntrackOfMany, testing::Values(kV4));

TEST_P(ConntrackOfMany, OtherFamiliesAndProtocolsAreNotTold) {
  const UniqueFd udp_server = bound(SOCK_DGRAM, kV4.endpoint, 5300);
  const UniqueFd udp_client = bound(SOCK_DGRAM, kV4.client, 4000);
  send(udp_client);
  const UniqueFd server = bound(SOCK_STREAM, kV4.endpoint, 8080);
  ASSERT_EQ(::listen(server.get(), 8), 0);
  const UniqueFd client = bound(SOCK_STREAM, kV4.client, 4001);
  sockaddr_storage to{};
  const socklen_t size = ip(kV4.service).to_sockaddr(80, to);
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&to), size), 0);

  EXPECT_TRUE(socket_->list(Family::IPv6, IPPROTO_UDP).empty());
  EXPECT_TRUE(socket_->list(Family::IPv4, IPPROTO_SCTP).empty());
  EXPECT_EQ(udp().size(), 1u);
  const std::vector<Flow> tcp = socket_->list(Family::IPv4, IPPROTO_TCP);
  ASSERT_EQ(tcp.size(), 1u);
  EXPECT_EQ(to_string(tcp[0].reply_src, tcp[0].reply_sport), "192.0.2.2:8080");
  EXPECT_TRUE(tcp[0].seen_reply);
  EXPECT_TRUE(tcp[0].is_assured);
}

TEST_P(ConntrackOfMany, ThousandsOfFlowsAreToldWhole) {
  const UniqueFd endpoint = bound(SOCK_DGRAM, kV4.endpoint, 5300);
  constexpr std::uint16_t kFirst = 10000;
  constexpr std::size_t kFlows = 5000;
  for (std::size_t i = 0; i < kFlows; ++i) {
    send(bound(SOCK_DGRAM, kV4.client, static_cast<std::uint16_t>(kFirst + i)));
  }
  const std::vector<Flow> flows = udp();
  std::set<std::uint16_t> ports;
  for (const Flow& flow : flows) {
    ports.insert(flow.orig_sport);
  }
  EXPECT_EQ(ports.size(), kFlows);
  for (const Flow& flow : flows) {
    EXPECT_TRUE(socket_->erase(flow));
  }
  EXPECT_TRUE(udp().empty());
}

TEST_P(ConntrackOfMany, TheSocketStaysInItsNamespace) {
  const UniqueFd endpoint = bound(SOCK_DGRAM, kV4.endpoint, 5300);
  send(bound(SOCK_DGRAM, kV4.client, 4000));
  NamespaceScope elsewhere;
  elsewhere.enter_new();
  EXPECT_EQ(udp().size(), 1u);
  EXPECT_TRUE(ConntrackSocket::open().list(Family::IPv4, IPPROTO_UDP).empty());
}

}  // namespace
}  // namespace labctl::kernel
