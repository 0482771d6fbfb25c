// Whom an endpoint sees: network model §7.3.

#include "tests/netns/services/service_lab.hpp"

namespace labctl {
namespace {

using probes::Outcome;

class Sources : public ServiceLab {
 protected:
  // Whether `source` is an address of a node: its own, or one of its own in its pod range.
  testing::AssertionResult is_of_node(const Seen& seen, const std::string& node) const {
    if (seen.outcome != Outcome::Ok) {
      return testing::AssertionFailure() << to_string(seen.outcome) << ": " << seen.reason;
    }
    const auto source = IpAddress::parse(seen.source);
    for (const model::Node& each : cluster().nodes) {
      const bool is_gateway = source && (*source == each.pod_cidrs[0].address() ||
                                         *source == each.pod_cidrs[0].address().plus(1));
      if (each.name == node && source && (*source == each.addresses[0] || is_gateway)) {
        return testing::AssertionSuccess();
      }
    }
    return testing::AssertionFailure() << seen.backend << " saw " << seen.source;
  }
  // Both protocols.
  void expect_node(const std::string& from, const IpAddress& to, std::uint16_t port,
                   const std::string& node) const {
    EXPECT_TRUE(is_of_node(ask(tcp(from, to, port)), node)) << from << " to " << to_string(to, port);
    EXPECT_TRUE(is_of_node(ask(udp(from, to, port)), node)) << from << " to " << to_string(to, port);
  }
};

INSTANTIATE_TEST_SUITE_P(Services, Sources, testing::ValuesIn(all_layouts()), layout_name);

TEST_P(Sources, APodKeepsItsAddressOnTheWayThroughAClusterIp) {
  put(web(), {"b1"});
  for (const char* from : {"a1", "b2", "c1"}) {
    expect_answer(from, service_ip(100), 80, {"b1"}, from);
  }
  put(web(), {"node-2"});
  for (const char* from : {"a1", "b2"}) {
    expect_answer(from, service_ip(100), 80, {"node-2"}, from);
  }
}

TEST_P(Sources, APodThatReachesItselfIsRewritten) {
  model::Service service = node_port_web();
  service.external_ips = {balancer_ip(200)};
  for (const auto policy : {model::TrafficPolicy::Cluster, model::TrafficPolicy::Local}) {
    service.external_policy = policy;
    service.internal_policy = policy;
    put(service, {"a1"});
    expect_node("a1", service_ip(100), 80, "node-1");
    expect_node("a1", balancer_ip(200), 80, "node-1");
    expect_node("a1", address_of("node-1"), 30080, "node-1");
  }
  put(web(), {"a1", "a2"});
  const Seen seen = ask(tcp("a1", service_ip(100)), 40);
  EXPECT_EQ(seen.outcomes[Outcome::Ok], 40U);
  EXPECT_EQ(seen.answers.size(), 2U);
}

TEST_P(Sources, AHostProcessIsSeenUnderANodesAddress) {
  put(web(), {"a1"});
  expect_node("node-1", service_ip(100), 80, "node-1");
  expect_node("node-2", service_ip(100), 80, "node-2");
  put(web(), {"node-1"});
  expect_node("node-1", service_ip(100), 80, "node-1");
  expect_node("node-2", service_ip(100), 80, "node-2");
}

TEST_P(Sources, WhatIsRoutedToAClusterIpFromElsewhereIsRewritten) {
  put(web(), {"a1"});
  route_to("node-2", service_ip(100));
  expect_node("router", service_ip(100), 80, "node-2");
}

TEST_P(Sources, ExternalTrafficIsRewrittenByTheNodeItReachesEvenToItsOwnPods) {
  model::Service service = node_port_web();
  service.load_balancer_ips = {balancer_ip(10)};
  service.external_ips = {balancer_ip(200)};
  route_to("node-2", balancer_ip(10));
  route_to("node-2", balancer_ip(200));
  for (const char* endpoint : {"a1", "b1"}) {
    put(service, {endpoint});
    expect_node("client", address_of("node-2"), 30080, "node-2");
    expect_node("client", balancer_ip(10), 80, "node-2");
    expect_node("client", balancer_ip(200), 80, "node-2");
  }
}

TEST_P(Sources, PodsAreRewrittenToTheirNodeForExternalAddresses) {
  model::Service service = node_port_web();
  service.load_balancer_ips = {balancer_ip(10)};
  service.external_ips = {balancer_ip(200)};
  for (const char* endpoint : {"a2", "b1"}) {
    put(service, {endpoint});
    expect_node("a1", balancer_ip(10), 80, "node-1");
    expect_node("a1", balancer_ip(200), 80, "node-1");
    expect_node("a1", address_of("node-1"), 30080, "node-1");
    expect_node("node-1", balancer_ip(10), 80, "node-1");
  }
}

TEST_P(Sources, UnderThePolicyLocalClientsOutsideKeepTheirAddress) {
  model::Service service = node_port_web();
  service.external_policy = model::TrafficPolicy::Local;
  service.load_balancer_ips = {balancer_ip(10)};
  service.external_ips = {balancer_ip(200)};
  route_to("node-2", balancer_ip(10));
  route_to("node-2", balancer_ip(200));
  put(service, {"a1", "b1"});
  expect_answer("client", address_of("node-2"), 30080, {"b1"}, "client");
  expect_answer("client", balancer_ip(10), 80, {"b1"}, "client");
  expect_answer("client", balancer_ip(200), 80, {"b1"}, "client");
}

TEST_P(Sources, UnderThePolicyLocalPodsAreNotRewrittenAndHostProcessesAre) {
  model::Service service = node_port_web();
  service.external_policy = model::TrafficPolicy::Local;
  service.load_balancer_ips = {balancer_ip(10)};
  for (const char* endpoint : {"a2", "b1"}) {
    put(service, {endpoint});
    expect_answer("a1", balancer_ip(10), 80, {endpoint}, "a1");
    expect_answer("a1", address_of("node-1"), 30080, {endpoint}, "a1");
    expect_node("node-1", balancer_ip(10), 80, "node-1");
    expect_node("node-1", address_of("node-1"), 30080, "node-1");
  }
}

}  // namespace
}  // namespace labctl
