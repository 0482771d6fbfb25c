// Changes under load, chance, and what is left behind: network model §7.2, §7.5 and §12.

#include "tests/netns/services/service_lab.hpp"
#include "tests/netns/services/wire.hpp"
#include "topology/base/error.hpp"
#include "topology/kernel/network_namespace.hpp"
#include "topology/kernel/nft_context.hpp"

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>

namespace labctl {
namespace {

using model::Protocol;
using probes::Outcome;

class Changes : public ServiceLab {
 protected:
  void expect_even(const Seen& seen, std::size_t backends, double tries) const {
    ASSERT_EQ(seen.answers.size(), backends);
    const double share = 1.0 / static_cast<double>(backends);
    const double deviation = std::sqrt(tries * share * (1 - share));
    for (const auto& [backend, count] : seen.answers) {
      EXPECT_NEAR(count, tries * share, 5 * deviation) << backend;
    }
  }
  service::Backend target(const std::string& name) const { return {address_of(name), kTarget}; }
  // The map that a packet to a ClusterIP is first looked up in.
  std::string services_map() const {
    const bool is_maps = GetParam().dataplane == model::Dataplane::Maps;
    return std::string(is_maps ? "services" : "service-ips") + (family() == Family::IPv4 ? "4" : "6");
  }
  void run_nft(const std::string& node, const std::string& commands) const {
    const kernel::NamespaceScope scope(at(node).netns_fd);
    kernel::NftContext::open().run(commands);
  }
};

INSTANTIATE_TEST_SUITE_P(Services, Changes, testing::ValuesIn(all_layouts()), layout_name);

TEST_P(Changes, EveryEndpointGetsItsShare) {
  put(web(), {"a1", "b1", "c1"});
  expect_even(ask(tcp("a2", service_ip(100)), 6000), 3, 6000);
  put(web(), {"b1", "b2", "c1", "c2", "node-2", "a1", "node-1", "node-3", "a2", "www"});
  // Of another client: conntrack would send a port of the first one's, used again
  // within a second, where it went before.
  expect_even(ask(tcp("c2", service_ip(100)), 6000), 10, 6000);
}

TEST_P(Changes, NoConnectionFailsWhileEndpointsAreReplaced) {
  const std::vector<std::vector<std::string>> sets = {
      {"a1", "b1", "c1"}, {"a2", "b2"}, {"b1", "c2", "a1", "a2"}, {"c1"}, {"b2", "c1", "node-2"}};
  put(node_port_web(), sets[0]);
  std::atomic<bool> is_done{false};
  std::atomic<int> rounds{0};
  probes::OutcomeCounts counts;
  std::map<std::string, int> failures;
  std::thread prober([&] {
    const std::vector<engine::Probe> probes = {
        tcp("a1", service_ip(100)), udp("b1", service_ip(100)), tcp("node-1", service_ip(100)),
        tcp("client", address_of("node-3"), 30080), udp("client", address_of("node-1"), 30080)};
    while (!is_done) {
      const Seen seen = ask(probes);
      for (const Outcome outcome : probes::kOutcomes) {
        counts.add(outcome, seen.outcomes[outcome]);
      }
      for (const auto& [failure, times] : seen.failures) {
        failures[failure] += times;
      }
      ++rounds;
    }
  });
  for (std::size_t i = 1; i <= 200; ++i) {
    model::Service service = node_port_web();
    service.affinity_timeout = std::chrono::seconds(i % 4 < 2 ? 0 : 100 + i);
    put(service, sets[i % sets.size()]);
  }
  // However slowly it asks: a round has five probes.
  const int enough = std::max(rounds + 2, 21);
  while (rounds < enough) {
    ::poll(nullptr, 0, 5);
  }
  is_done = true;
  prober.join();
  EXPECT_EQ(counts[Outcome::Ok], counts.total()) << testing::PrintToString(failures);
  EXPECT_GT(counts.total(), 100U);
}

TEST_P(Changes, AnEstablishedConnectionOutlivesItsEndpointAndService) {
  put(web(), {"b1"});
  Conversation talk(at("a1"), service_ip(100), 80);
  EXPECT_EQ(talk.hostname(), "b1");
  put(web(), {"c1"});
  EXPECT_EQ(talk.hostname(), "b1");
  put(web(), {});
  EXPECT_EQ(talk.hostname(), "b1");
  take_away(web());
  EXPECT_EQ(talk.hostname(), "b1");
}

TEST_P(Changes, AUdpFlowMovesOnlyWhenItsEndpointNoLongerServes) {
  put(node_port_web(), {"b1"});
  engine::Probe to_cluster_ip = udp("a1", service_ip(100));
  engine::Probe to_node_port = udp("client", address_of("node-1"), 30080);
  to_cluster_ip.source_port = to_node_port.source_port = 4321;
  const service::Vip cluster_ip{service_ip(100), Protocol::Udp, 80};
  const service::Vip node_port{address_of("node-1"), Protocol::Udp, 30080};
  EXPECT_EQ(ask(to_cluster_ip).backend, pod_id("b1"));
  EXPECT_EQ(ask(to_node_port).backend, pod_id("b1"));

  put(node_port_web(), {"b1", "c1"});
  std::vector<apply::UdpFlows> flows = {{cluster_ip, {target("b1"), target("c1")}},
                                        {node_port, {target("b1"), target("c1")}}};
  EXPECT_EQ(table("node-1").end_stale_flows(flows), 0U);
  EXPECT_EQ(ask(to_cluster_ip).backend, pod_id("b1"));

  put(node_port_web(), {"c1"});
  flows[0].serving = flows[1].serving = {target("c1")};
  EXPECT_EQ(table("node-1").end_stale_flows(flows), 2U);
  EXPECT_EQ(ask(to_cluster_ip).backend, pod_id("c1"));
  EXPECT_EQ(ask(to_node_port).backend, pod_id("c1"));
}

TEST_P(Changes, AClientThatWasRefusedReachesTheFirstEndpointFromTheSamePort) {
  put(node_port_web(), {});
  engine::Probe to_cluster_ip = udp("a1", service_ip(100));
  engine::Probe to_node_port = udp("client", address_of("node-1"), 30080);
  to_cluster_ip.source_port = to_node_port.source_port = 4321;
  EXPECT_EQ(ask(to_cluster_ip).outcome, Outcome::Refused);
  EXPECT_EQ(ask(to_node_port).outcome, Outcome::Refused);
  put(node_port_web(), {"b1"});
  EXPECT_EQ(ask(to_cluster_ip).backend, pod_id("b1"));
  EXPECT_EQ(ask(to_node_port).backend, pod_id("b1"));
}

// An answer that conntrack takes for no part of its connection is not translated back; it must not arrive.
TEST_P(Changes, AnInvalidPacketIsDropped) {
  put(web(), {"b1"});
  const SegmentTap at_server(at("b1")), at_client(at("a1"));
  Conversation talk(at("a1"), service_ip(100), 80);
  EXPECT_EQ(talk.hostname(), "b1");
  Segment last = at_server.last_from(address_of("a1"));
  at_client.clear();
  Segment answer{address_of("b1"), address_of("a1"), kTarget, last.source_port, last.ack, last.sequence};
  Segment invalid = answer;
  invalid.sequence += 1U << 30;
  at_server.send(invalid);
  at_server.send(answer);
  EXPECT_EQ(at_client.last_from(service_ip(100)).sequence, answer.sequence);
  EXPECT_FALSE(at_client.has_from(address_of("b1")));
}

// What is in the kernel is not what the table believes: its next change is refused.
TEST_P(Changes, AfterARefusedChangeEverythingIsAsWanted) {
  model::Service other = web();
  other.key.name = "other";
  other.cluster_ips = {service_ip(7)};
  put(other, {"b1"});
  put(web(), {"a1", "b1"});
  run_nft("node-1", "flush map inet labctl " + services_map());
  model::Service changed = web();
  changed.affinity_timeout = std::chrono::seconds(100);
  changed.external_ips = {balancer_ip(200)};
  changed.cluster_ips = {service_ip(101)};
  const model::EndpointSlice endpoints = slice(changed, {"b1"});
  const model::EndpointSlice* slices[] = {&endpoints};
  table("node-1").set("svc default/web", service::node_program(changed, slices, program_node("node-1")));
  EXPECT_THROW(table("node-1").commit(), Error);
  for (const IpAddress& to : {service_ip(7), service_ip(101), balancer_ip(200)}) {
    expect_answer("a2", to, 80, {"b1"});
  }
  expect_dropped("a2", service_ip(100));
  EXPECT_EQ(table("node-1").resync(), 0U);
  put(web(), {"a1", "c1"});
  expect_answer("a2", service_ip(100), 80, {"a1", "c1"});
}

TEST_P(Changes, ResyncFindsNothingOnAnUntouchedNodeAndMendsAnother) {
  model::Service service = node_port_web();
  service.external_ips = {balancer_ip(200)};
  service.load_balancer_ips = {balancer_ip(10)};
  service.source_ranges = {Prefix(address_of("a1"), 16)};
  service.affinity_timeout = std::chrono::seconds(100);
  put(service, {"a1", "b1"});
  for (const char* node : {"node-1", "node-2", "node-3"}) {
    EXPECT_EQ(table(node).resync(), 0U) << node;
  }
  run_nft("node-1", "flush map inet labctl " + services_map());
  EXPECT_GT(table("node-1").resync(), 0U);
  EXPECT_EQ(table("node-1").resync(), 0U);
  service.affinity_timeout = std::chrono::seconds(0);
  put(service, {"a1", "b1"});
  for (const IpAddress& to : {service_ip(100), balancer_ip(200), balancer_ip(10)}) {
    expect_answer("a2", to, 80, {"a1", "b1"});
  }
  take_away(service);
  EXPECT_EQ(table("node-1").resync(), 0U);
}

}  // namespace
}  // namespace labctl
