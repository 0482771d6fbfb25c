// What becomes of a packet to a Service: network model §7.2.

#include "tests/netns/services/service_lab.hpp"
#include "tests/netns/services/wire.hpp"
#include "topology/kernel/network_namespace.hpp"
#include "topology/kernel/nft_context.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace labctl {
namespace {

using probes::Outcome;

class Verdicts : public ServiceLab {};

INSTANTIATE_TEST_SUITE_P(Services, Verdicts, testing::ValuesIn(all_layouts()), layout_name);

TEST_P(Verdicts, AClusterIpIsBalancedOverAllEndpointsForPodsAndNodes) {
  put(web(), {"a1", "b1", "c1"});
  for (const char* from : {"a1", "a2", "node-1", "node-3"}) {
    expect_answer(from, service_ip(100), 80, {"a1", "b1", "c1"});
  }
}

TEST_P(Verdicts, EndpointsMayBeNodesAndHostsOutside) {
  put(web(), {"node-1", "node-2", "c1", "www"});
  for (const char* from : {"a1", "b1", "node-1"}) {
    expect_answer(from, service_ip(100), 80, {"node-1", "node-2", "c1", "www"});
  }
}

TEST_P(Verdicts, WithoutEndpointsEveryAddressOfAServiceIsRefused) {
  model::Service service = node_port_web();
  service.external_ips = {balancer_ip(200)};
  service.load_balancer_ips = {balancer_ip(10)};
  put(service, {});
  for (const IpAddress& routed : {balancer_ip(200), balancer_ip(10)}) {
    route_to("node-2", routed);
    expect_refused("client", routed);
  }
  for (const char* from : {"a1", "node-1"}) {
    for (const IpAddress& to : {service_ip(100), balancer_ip(200), balancer_ip(10)}) {
      expect_refused(from, to);
    }
  }
  for (const char* from : {"a1", "b1", "node-1", "node-2", "client"}) {
    expect_refused(from, address_of("node-1"), 30080);
  }
}

TEST_P(Verdicts, EveryPacketIsRefusedHoweverManyCome) {
  put(web(), {});
  for (const char* from : {"a1", "node-1"}) {
    EXPECT_EQ(ask(tcp(from, service_ip(100)), 300).outcomes[Outcome::Refused], 300U) << from;
    EXPECT_EQ(ask(udp(from, service_ip(100)), 300).outcomes[Outcome::Refused], 300U) << from;
  }
}

// A segment whose refusal is forgotten is sent again after a second, each time;
// a busy machine is slow only at times.
TEST_P(Verdicts, AnOrdinaryProgramIsRefusedAtOnce) {
  using std::chrono::milliseconds;
  using std::chrono::steady_clock;
  put(node_port_web(), {});
  for (const char* from : {"a1", "node-1", "client"}) {
    const bool is_outside = from == std::string("client");
    auto fastest = steady_clock::duration::max();
    for (int i = 0; i < 5 && fastest >= milliseconds(900); ++i) {
      const auto began = steady_clock::now();
      const Conversation talk(at(from), is_outside ? address_of("node-1") : service_ip(100),
                              is_outside ? 30080 : 80);
      fastest = std::min(fastest, steady_clock::now() - began);
      EXPECT_EQ(talk.error(), ECONNREFUSED) << from;
    }
    EXPECT_LT(fastest, milliseconds(900)) << from;
  }
}

TEST_P(Verdicts, APortOrProtocolThatAServiceLacksIsRefused) {
  model::Service service = web();
  service.ports.pop_back();  // UDP
  put(service, {"b1"});
  for (const char* from : {"a1", "b2", "node-1", "node-2"}) {
    expect_refused(from, service_ip(100), 81);
    EXPECT_EQ(ask(udp(from, service_ip(100))).outcome, Outcome::Refused) << from;
    EXPECT_EQ(ask(tcp(from, service_ip(100))).outcome, Outcome::Ok) << from;
  }
}

TEST_P(Verdicts, AnAddressOfNoServiceIsDropped) {
  put(web(), {"b1"});
  expect_dropped("a1", service_ip(101));
  expect_dropped("node-1", service_ip(101));
}

TEST_P(Verdicts, AClusterIpAnswersNoEcho) {
  put(web(), {"b1"});
  EXPECT_EQ(ask(ping("a1", service_ip(100))).outcome, Outcome::Refused);
  engine::Probe nobody = ping("a1", service_ip(101));
  nobody.timeout = std::chrono::milliseconds(300);
  EXPECT_EQ(ask(nobody).outcome, Outcome::Timeout);
  // The node's own kernel tells the sender.
  EXPECT_EQ(ask(ping("node-1", service_ip(100))).outcome, Outcome::Prohibited);
  EXPECT_EQ(ask(ping("a1", address_of("b1"))).outcome, Outcome::Ok);
}

TEST_P(Verdicts, ADeletedServiceStopsAndTheOthersGoOn) {
  model::Service other = web();
  other.key.name = "other";
  other.cluster_ips = {service_ip(7)};
  put(other, {"c1"});
  put(web(), {"b1"});
  expect_answer("a1", service_ip(100), 80, {"b1"});
  take_away(web());
  expect_dropped("a1", service_ip(100));
  expect_answer("a1", service_ip(7), 80, {"c1"});
}

TEST_P(Verdicts, APortThatGoesIsRefusedAndTheOtherGoesOn) {
  put(web(), {"b1"});
  model::Service service = web();
  service.ports.erase(service.ports.begin());
  put(service, {"b1"});
  EXPECT_EQ(ask(tcp("a1", service_ip(100))).outcome, Outcome::Refused);
  EXPECT_EQ(ask(udp("a1", service_ip(100))).outcome, Outcome::Ok);
  put(web(), {"b1"});
  expect_answer("a1", service_ip(100), 80, {"b1"});
}

TEST_P(Verdicts, AServiceThatTheProxyIsToIgnoreIsNotProgrammed) {
  model::Service service = web();
  service.is_ignored = true;
  put(service, {"b1"});
  expect_dropped("a1", service_ip(100));
  put(web(), {"b1"});
  expect_answer("a1", service_ip(100), 80, {"b1"});
  put(service, {"b1"});
  expect_dropped("a1", service_ip(100));
}

TEST_P(Verdicts, EndpointsThatComeAndGoTurnRefusalIntoAnswersAndBack) {
  for (int round = 0; round < 3; ++round) {
    put(web(), {"b1"});
    expect_answer("a1", service_ip(100), 80, {"b1"});
    put(web(), {});
    expect_refused("a1", service_ip(100));
  }
}

TEST_P(Verdicts, NoNameIsTakenForACommandOrIsTooLong) {
  const std::string names[] = {"a\"; flush ruleset; #",
                               "b\nadd chain inet labctl evil\n",
                               "c } ; add chain inet labctl evil",
                               "d\\",
                               std::string("e\0f", 3),
                               std::string(63, 'x'),
                               std::string(300, 'y')};
  std::uint64_t number = 50;
  for (const std::string& name : names) {
    model::Service service = web();
    service.key = {name, name};
    service.cluster_ips = {service_ip(number++)};
    service.ports[0].name = name;
    service.affinity_timeout = std::chrono::seconds(100);
    service.external_ips = {balancer_ip(number)};
    service.load_balancer_ips = {balancer_ip(number + 1)};
    service.source_ranges = {cluster().network.pod_cidrs.front()};
    put(service, {"b1"});
    expect_answer("a1", service.cluster_ips[0], 80, {"b1"}, "a1");
    expect_answer("a1", balancer_ip(number + 1), 80, {"b1"});
    take_away(service);
    expect_dropped("a1", service.cluster_ips[0]);
    put(service, {"a1"});
  }
  const kernel::NamespaceScope scope(at("node-1").netns_fd);
  EXPECT_EQ(kernel::NftContext::open().list_ruleset().find("chain evil "), std::string::npos);
}

TEST_P(Verdicts, OutsideNobodyHasARouteToPodsAndServices) {
  put(web(), {"b1"});
  for (const IpAddress& to : {service_ip(100), address_of("b1")}) {
    EXPECT_EQ(ask(udp("client", to)).outcome, Outcome::Unreachable);
  }
}

}  // namespace
}  // namespace labctl
