// NodePort, LoadBalancer and externalIPs: network model §10.

#include "tests/netns/services/service_lab.hpp"

namespace labctl {
namespace {

using probes::Outcome;

class Balancer : public ServiceLab {
 protected:
  Prefix only(const IpAddress& address) const {
    return {address, address.family() == Family::IPv4 ? 32 : 128};
  }
  model::Service balanced_web(std::vector<Prefix> ranges = {}) const {
    model::Service service = node_port_web();
    service.load_balancer_ips = {balancer_ip(10)};
    service.source_ranges = std::move(ranges);
    return service;
  }
};

INSTANTIATE_TEST_SUITE_P(Services, Balancer, testing::ValuesIn(all_layouts()), layout_name);

TEST_P(Balancer, EveryNodeAnswersOnItsNodePort) {
  put(node_port_web(), {"a1", "b1"});
  for (const char* node : {"node-1", "node-2", "node-3"}) {
    for (const char* from : {"client", "a2", "c1", "node-1", "node-3"}) {
      expect_answer(from, address_of(node), 30080, {"a1", "b1"});
    }
  }
}

TEST_P(Balancer, ANodePortIsNotOnLoopback) {
  put(node_port_web(), {"a1"});
  expect_refused("node-1", IpAddress::loopback(family()), 30080);
}

TEST_P(Balancer, ANodePortGoesBeforeAProgramOfTheNode) {
  model::Service service = web();
  for (model::ServicePort& port : service.ports) {
    port.node_port = kTarget;  // where the node itself listens
  }
  expect_answer("client", address_of("node-1"), kTarget, {"node-1"}, "client");
  put(service, {"b1"});
  for (const char* from : {"client", "a1", "node-1"}) {
    expect_answer(from, address_of("node-1"), kTarget, {"b1"});
  }
  take_away(service);
  expect_answer("client", address_of("node-1"), kTarget, {"node-1"}, "client");
}

TEST_P(Balancer, AnotherNodePortOpensAndTheOldOneCloses) {
  put(node_port_web(), {"b1"});
  model::Service service = node_port_web();
  service.ports[0].node_port = service.ports[1].node_port = 30081;
  put(service, {"b1"});
  expect_refused("client", address_of("node-1"), 30080);
  expect_answer("client", address_of("node-1"), 30081, {"b1"});
  put(web(), {"b1"});
  expect_refused("client", address_of("node-1"), 30081);
}

TEST_P(Balancer, ABalancersAddressIsTakenByEveryNodeItself) {
  put(balanced_web(), {"a1", "b1"});
  for (const char* from : {"a1", "c1", "node-1", "node-3"}) {
    expect_answer(from, balancer_ip(10), 80, {"a1", "b1"});
  }
  for (const char* node : {"node-1", "node-3"}) {
    route_to(node, balancer_ip(10));
    expect_answer("client", balancer_ip(10), 80, {"a1", "b1"});
  }
}

TEST_P(Balancer, APortThatTheBalancerLacksIsRefused) {
  put(balanced_web(), {"a1"});
  route_to("node-1", balancer_ip(10));
  expect_refused("client", balancer_ip(10), 81);
  expect_refused("a1", balancer_ip(10), 81);
}

TEST_P(Balancer, SourceRangesHoldOnEveryWayToTheBalancersAddress) {
  route_to("node-1", balancer_ip(10));
  put(balanced_web({only(address_of("client")), only(address_of("a1")), only(address_of("node-2"))}), {"b1"});
  for (const char* from : {"client", "a1", "node-2"}) {
    expect_answer(from, balancer_ip(10), 80, {"b1"});
  }
  for (const char* from : {"www", "a2", "node-1"}) {
    expect_dropped(from, balancer_ip(10));
    expect_answer(from, address_of("node-1"), 30080, {"b1"});
  }
  expect_answer("a2", service_ip(100), 80, {"b1"}, "a2");
}

TEST_P(Balancer, SourceRangesMayOverlapChangeAndGo) {
  route_to("node-1", balancer_ip(10));
  const Prefix outside(address_of("client"), family() == Family::IPv4 ? 24 : 64);
  const Prefix pods = cluster().network.pod_cidrs.front();
  put(balanced_web({outside, only(address_of("client")), pods, only(address_of("a1")), outside}), {"b1"});
  for (const char* from : {"client", "www", "a1", "c1"}) {
    expect_answer(from, balancer_ip(10), 80, {"b1"});
  }
  put(balanced_web({only(address_of("www"))}), {"b1"});
  expect_answer("www", balancer_ip(10), 80, {"b1"});
  expect_dropped("client", balancer_ip(10));
  expect_dropped("a1", balancer_ip(10));
  put(balanced_web(), {"b1"});
  expect_answer("client", balancer_ip(10), 80, {"b1"});
  expect_answer("a1", balancer_ip(10), 80, {"b1"});
}

TEST_P(Balancer, SourceRangesHoldUnderThePolicyLocal) {
  route_to("node-1", balancer_ip(10));
  model::Service service = balanced_web({only(address_of("client"))});
  service.external_policy = model::TrafficPolicy::Local;
  put(service, {"a1"});
  expect_answer("client", balancer_ip(10), 80, {"a1"}, "client");
  expect_dropped("www", balancer_ip(10));
  expect_dropped("a2", balancer_ip(10));
  expect_answer("www", address_of("node-1"), 30080, {"a1"}, "www");
}

TEST_P(Balancer, RangesOfTheOtherFamilyAdmitNobody) {
  route_to("node-1", balancer_ip(10));
  put(balanced_web({*Prefix::parse(family() == Family::IPv4 ? "2001:db8::/32" : "192.0.2.0/24")}), {"b1"});
  expect_dropped("client", balancer_ip(10));
  expect_dropped("a1", balancer_ip(10));
  expect_answer("a1", service_ip(100), 80, {"b1"});
}

TEST_P(Balancer, AnExternalIpIsTakenWhereverItReachesANode) {
  model::Service service = web();
  service.external_ips = {balancer_ip(200)};
  service.source_ranges = {only(address_of("www"))};  // of balancers' addresses only
  put(service, {"a1", "b1"});
  route_to("node-3", balancer_ip(200));
  for (const char* from : {"client", "a1", "c1", "node-1", "node-3"}) {
    expect_answer(from, balancer_ip(200), 80, {"a1", "b1"});
  }
}

TEST_P(Balancer, ANodesAddressMayBeAnExternalIp) {
  model::Service service = web();
  service.external_ips = {address_of("node-1")};
  put(service, {"b1"});
  expect_answer("client", address_of("node-1"), 80, {"b1"});
  expect_answer("a1", address_of("node-1"), 80, {"b1"});
  expect_answer("c1", address_of("node-1"), 80, {"b1"});
}

TEST_P(Balancer, OfTwoServicesWithOneAddressTheFirstHasIt) {
  model::Service first = web(), second = web();
  first.external_ips = second.external_ips = {balancer_ip(200)};
  second.key.name = "web-2";
  second.cluster_ips = {service_ip(101)};
  put(first, {"a1"});
  put(second, {"b1"});
  expect_answer("c1", balancer_ip(200), 80, {"a1"});
  put(first, {"a2"});
  expect_answer("c1", balancer_ip(200), 80, {"a2"});
  put(second, {"b2"});
  expect_answer("c1", balancer_ip(200), 80, {"a2"});
  take_away(first);
  expect_answer("c1", balancer_ip(200), 80, {"b2"});
}

}  // namespace
}  // namespace labctl
