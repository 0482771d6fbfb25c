// Routes with several next hops on the real kernel, by plan steps: where
// packets go, and what undoing puts back.

#include "tests/support/addresses.hpp"
#include "topology/apply/fabric.hpp"
#include "topology/apply/kernel_network.hpp"
#include "topology/base/error.hpp"
#include "topology/kernel/network_namespace.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <set>
#include <string>
#include <vector>

namespace labctl {
namespace {

using plan::DeleteRoute;
using plan::NextHop;
using plan::ReplaceRoute;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int kNodes = 3;
constexpr int kDatagrams = 60;

std::string node(int i) { return "node/" + std::to_string(i); }

UniqueFd new_namespace() {
  kernel::NamespaceScope scope;
  scope.enter_new();
  return UniqueFd(::fcntl(kernel::NetworkNamespace::current().fd(), F_DUPFD_CLOEXEC, 0));
}

// A router (the underlay) with three nodes that all have the address `vip`.
class Routes : public testing::TestWithParam<Family> {
 protected:
  Routes() {
    std::vector<plan::Step> steps(1);
    steps[0].ns = plan::kUnderlay;
    steps[0].sysctls = {{"net/ipv4/fib_multipath_hash_policy", "1"},
                        {"net/ipv6/fib_multipath_hash_policy", "1"}};
    steps[0].changes = {plan::SetLink{1, true}};
    for (int i = 0; i < kNodes; ++i) {
      plan::Step& step = steps.emplace_back();
      step.ns = node(i);
      step.makes_namespace = true;
      plan::AddVeth veth;
      veth.near_namespace = plan::kUnderlay;
      veth.near_name = "to" + std::to_string(i);
      veth.near_ifindex = link(i);
      veth.peer_name = "eth0";
      veth.peer_ifindex = 2;
      step.changes = {veth,
                      plan::SetLink{2, true},
                      plan::SetLink{1, true},
                      plan::AddAddress{2, address(i, 2), bits() - 8},
                      plan::AddAddress{1, vip(), bits()},
                      plan::AddRoute{default_prefix(), address(i, 1), 2}};
      plan::Step& near = steps.emplace_back();
      near.ns = plan::kUnderlay;
      near.changes = {plan::AddAddress{link(i), address(i, 1), bits() - 8}};
    }
    fabric_.apply(steps);
    for (int i = 0; i < kNodes; ++i) {
      const kernel::NamespaceScope scope(fabric_.namespace_fd(node(i)));
      listeners_[i].reset(::socket(vip().af(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      sockaddr_storage where{};
      const socklen_t size = vip().to_sockaddr(53, where);
      EXPECT_EQ(::bind(listeners_[i].get(), reinterpret_cast<sockaddr*>(&where), size), 0);
    }
  }

  static int link(int i) { return 10 + i; }
  int bits() const { return GetParam() == Family::IPv4 ? 32 : 128; }
  IpAddress vip() const { return GetParam() == Family::IPv4 ? ip("192.0.2.80") : ip("2001:db8::80"); }
  Prefix vip_prefix() const { return {vip(), bits()}; }
  Prefix default_prefix() const { return {IpAddress::any(GetParam()), 0}; }
  IpAddress address(int i, std::uint64_t host) const {
    const IpAddress base = GetParam() == Family::IPv4 ? ip("10.0.0.0") : ip("fd00::");
    return base.plus(static_cast<std::uint64_t>(i) * 256 + host);
  }
  std::vector<NextHop> by(std::initializer_list<int> nodes) const {
    std::vector<NextHop> hops;
    for (const int i : nodes) {
      hops.push_back({address(i, 2), link(i)});
    }
    return hops;
  }
  void change(std::vector<plan::LinkChange> changes) {
    plan::Step step;
    step.ns = plan::kUnderlay;
    step.changes = std::move(changes);
    fabric_.apply({&step, 1});
  }

  // Who gets datagrams of many flows to the address.
  std::set<int> reached() {
    const kernel::NamespaceScope scope(fabric_.namespace_fd(plan::kUnderlay));
    sockaddr_storage where{};
    const socklen_t size = vip().to_sockaddr(53, where);
    int sent = 0;
    for (int i = 0; i < kDatagrams; ++i) {
      const UniqueFd sender(::socket(vip().af(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
      sent += ::sendto(sender.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&where), size) == 1 ? 1 : 0;
    }
    std::set<int> nodes;
    for (int received = 0; received < sent;) {
      std::array<pollfd, kNodes> wait{};
      for (int i = 0; i < kNodes; ++i) {
        wait[i] = {listeners_[i].get(), POLLIN, 0};
      }
      if (::poll(wait.data(), wait.size(), 5000) <= 0) {
        ADD_FAILURE() << received << " of " << sent << " datagrams arrived";
        break;
      }
      for (int i = 0; i < kNodes; ++i) {
        char byte = 0;
        while (::recv(listeners_[i].get(), &byte, 1, 0) == 1) {
          ++received;
          nodes.insert(i);
        }
      }
    }
    return nodes;
  }

  apply::KernelNetwork network_;
  apply::Fabric fabric_{network_, new_namespace()};
  std::array<UniqueFd, kNodes> listeners_;
};

TEST_P(Routes, FlowsAreSpreadOverAllNextHops) {
  EXPECT_THAT(reached(), IsEmpty());
  change({ReplaceRoute{vip_prefix(), by({0, 1, 2}), {}}});
  EXPECT_THAT(reached(), ElementsAre(0, 1, 2));
}

TEST_P(Routes, AReplacedRouteLeavesNothingOfTheOldOne) {
  change({ReplaceRoute{vip_prefix(), by({0, 1, 2}), {}}});
  change({ReplaceRoute{vip_prefix(), by({2, 1}), {}}});
  EXPECT_THAT(reached(), ElementsAre(1, 2));
  change({ReplaceRoute{vip_prefix(), by({0}), {}}});
  EXPECT_THAT(reached(), ElementsAre(0));
  change({ReplaceRoute{vip_prefix(), by({1}), {}}});
  EXPECT_THAT(reached(), ElementsAre(1));
  change({ReplaceRoute{vip_prefix(), by({0, 2}), {}}});
  EXPECT_THAT(reached(), ElementsAre(0, 2));
  change({ReplaceRoute{vip_prefix(), by({0, 2}), {}}});
  EXPECT_THAT(reached(), ElementsAre(0, 2)) << "replaced by itself";
}

TEST_P(Routes, ADeletedRouteIsGoneWithAllItsNextHops) {
  change({ReplaceRoute{vip_prefix(), by({0, 1, 2}), {}}});
  change({DeleteRoute{vip_prefix(), {}}});
  EXPECT_THAT(reached(), IsEmpty());
  change({ReplaceRoute{vip_prefix(), by({1}), {}}, DeleteRoute{vip_prefix(), {}}});
  EXPECT_THAT(reached(), IsEmpty());
  EXPECT_THROW(change({DeleteRoute{vip_prefix(), {}}}), Error);
}

TEST_P(Routes, AFailedStepPutsTheOldNextHopsBack) {
  const plan::LinkChange fails = plan::DeleteLink{999};
  EXPECT_THROW(change({ReplaceRoute{vip_prefix(), by({0, 1}), {}}, fails}), Error);
  EXPECT_THAT(reached(), IsEmpty());
  change({ReplaceRoute{vip_prefix(), by({0, 1}), {}}});
  EXPECT_THROW(change({ReplaceRoute{vip_prefix(), by({2}), by({0, 1})}, fails}), Error);
  EXPECT_THAT(reached(), ElementsAre(0, 1));
  EXPECT_THROW(change({DeleteRoute{vip_prefix(), by({0, 1})}, fails}), Error);
  EXPECT_THAT(reached(), ElementsAre(0, 1));
}

TEST_P(Routes, ManyNextHopsFitOneRoute) {
  std::vector<NextHop> hops;
  for (std::uint64_t i = 0; i < 250; ++i) {
    hops.push_back({address(0, 2 + i % 253), link(0)});
  }
  change({ReplaceRoute{vip_prefix(), hops, {}}});
  change({ReplaceRoute{vip_prefix(), by({1}), hops}});
  EXPECT_THAT(reached(), ElementsAre(1));
}

TEST_P(Routes, ErrorsNameTheRoute) {
  try {
    change({ReplaceRoute{vip_prefix(), {{vip(), 999}}, {}}});
    ADD_FAILURE() << "replaced";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::StartsWith("underlay: replace route " + to_string(vip_prefix()) +
                                                  " via " + to_string(vip()) + ":"));
  }
}

INSTANTIATE_TEST_SUITE_P(BothFamilies, Routes, testing::Values(Family::IPv4, Family::IPv6),
                         [](const auto& family) { return std::string(to_string(family.param)); });

}  // namespace
}  // namespace labctl
