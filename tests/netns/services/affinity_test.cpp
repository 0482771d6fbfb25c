// Session affinity: network model §9.

#include "tests/netns/services/service_lab.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <set>

namespace labctl {
namespace {

using probes::Outcome;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

class Affinity : public ServiceLab {
 protected:
  model::Service sticky_web(seconds timeout = seconds(10800)) const {
    model::Service service = node_port_web();
    service.affinity_timeout = timeout;
    return service;
  }
  // One after the other, so that each finds what the one before left.
  Seen in_a_row(engine::Probe probe, std::uint32_t count = 15) const {
    probe.count = count;
    return ask(probe);
  }
  std::string only_backend(const engine::Probe& probe) const {
    const Seen seen = in_a_row(probe);
    EXPECT_EQ(seen.outcome, Outcome::Ok) << seen.reason;
    EXPECT_EQ(seen.answers.size(), 1U);
    return seen.backend;
  }
  // Connections, each made before the one before it can have been forgotten.
  struct Row {
    std::set<std::string> backends;
    int connections = 0;
    milliseconds lasted{0};
    milliseconds gap_max{0};  // at most so far apart in the nodes' kernels
  };
  // Ends early when the machine was too busy for the next to come in time.
  Row row_of_connections(const char* from, int count) const {
    Row row;
    const auto first_began = steady_clock::now();
    auto last_began = first_began;
    while (row.connections < count) {
      const auto began = steady_clock::now();
      const Seen seen = ask(tcp(from, service_ip(100)));
      const auto gap = duration_cast<milliseconds>(steady_clock::now() - last_began);
      EXPECT_EQ(seen.outcome, Outcome::Ok) << seen.reason;
      if (row.connections > 0 && gap >= kShort - kTick) {
        break;
      }
      row.backends.insert(seen.backend);
      ++row.connections;
      row.lasted = duration_cast<milliseconds>(began - first_began);
      row.gap_max = std::max(row.gap_max, gap);
      last_began = began;
      ::poll(nullptr, 0, 600);
    }
    return row;
  }

  static constexpr seconds kShort{2};
  static constexpr milliseconds kTick{20};  // the kernel counts an element's time in ticks of up to 10 ms
};

INSTANTIATE_TEST_SUITE_P(Services, Affinity, testing::ValuesIn(all_layouts()), layout_name);

TEST_P(Affinity, AClientStaysWithItsEndpoint) {
  put(sticky_web(), {"a1", "b1", "c1"});
  for (const char* from : {"a1", "a2", "b2", "node-1"}) {
    only_backend(tcp(from, service_ip(100)));
    only_backend(udp(from, service_ip(100)));
  }
  for (const char* from : {"client", "www"}) {
    only_backend(tcp(from, address_of("node-1"), 30080));
  }
}

TEST_P(Affinity, AllAddressesOfAPortShareIt) {
  model::Service service = sticky_web();
  service.load_balancer_ips = {balancer_ip(10)};
  service.external_ips = {balancer_ip(200)};
  put(service, {"a1", "b1", "c1"});
  for (const char* from : {"a1", "a2"}) {
    const std::string backend = only_backend(tcp(from, service_ip(100)));
    EXPECT_EQ(only_backend(tcp(from, address_of("node-1"), 30080)), backend);
    EXPECT_EQ(only_backend(tcp(from, balancer_ip(10))), backend);
    EXPECT_EQ(only_backend(tcp(from, balancer_ip(200))), backend);
  }
}

TEST_P(Affinity, ClientsAreSpread) {
  put(sticky_web(), {"a1", "b1", "c1"});
  // Each node draws anew for each of its clients: none of these draws differing is 1 in 3^11.
  std::map<std::string, int> backends;
  for (const char* from : {"a1", "a2", "b1", "b2", "c1", "c2"}) {
    ++backends[only_backend(tcp(from, service_ip(100)))];
    ++backends[only_backend(udp(from, service_ip(100)))];
  }
  EXPECT_GT(backends.size(), 1U);
}

TEST_P(Affinity, ItTakesEffectAndEndsForNewConnections) {
  for (int round = 0; round < 2; ++round) {
    put(node_port_web(), {"a1", "b1", "c1"});
    EXPECT_EQ(in_a_row(tcp("a1", service_ip(100)), 60).answers.size(), 3U);
    put(sticky_web(), {"a1", "b1", "c1"});
    only_backend(tcp("a1", service_ip(100)));
    put(sticky_web(seconds(60)), {"a1", "b1", "c1"});
    only_backend(tcp("a1", service_ip(100)));
  }
}

TEST_P(Affinity, AnEndpointThatGoesIsForgottenAndOthersAreNot) {
  put(sticky_web(), {"a1", "b1", "c1"});
  const std::string first = only_backend(tcp("a2", service_ip(100)));
  const std::string other = only_backend(tcp("b2", service_ip(100)));
  std::vector<std::string> rest;
  for (const char* name : {"a1", "b1", "c1"}) {
    if (pod_id(name) != first) {
      rest.push_back(name);
    }
  }
  put(sticky_web(), rest);
  const std::string second = only_backend(tcp("a2", service_ip(100)));
  EXPECT_NE(second, first);
  if (other != first) {
    EXPECT_EQ(only_backend(tcp("b2", service_ip(100))), other);
  }
  put(sticky_web(), {"a1", "b1", "c1"});
  EXPECT_EQ(only_backend(tcp("a2", service_ip(100))), second);
}

TEST_P(Affinity, OtherEndpointsThatComeAndGoDoNotMoveAClient) {
  put(sticky_web(), {"b1"});
  for (const char* from : {"a1", "a2", "node-1"}) {
    only_backend(tcp(from, service_ip(100)));
  }
  put(sticky_web(), {"a1", "b1", "b2", "c1"});
  put(sticky_web(), {"b1", "b2", "c1", "c2"});
  for (const char* from : {"a1", "a2", "node-1"}) {
    EXPECT_EQ(only_backend(tcp(from, service_ip(100))), pod_id("b1"));
  }
}

TEST_P(Affinity, EveryConnectionBeginsItAnew) {
  put(sticky_web(kShort), {"a1", "b1", "c1"});
  Row row;
  for (int tries = 0; tries < 60 && row.lasted < 2 * kShort; ++tries) {
    row = row_of_connections("a2", 8);
    EXPECT_EQ(row.backends.size(), 1U)
        << "no two of " << row.connections << " were further apart than " << row.gap_max.count() << " ms";
  }
  ASSERT_GE(row.lasted, 2 * kShort) << "the machine was never fast enough to tell";
}

TEST_P(Affinity, ItEndsAfterItsTime) {
  put(sticky_web(kShort), {"a1", "b1", "c1"});
  const std::string first = ask(tcp("a2", service_ip(100))).backend;
  std::string now = first;
  for (int round = 0; round < 12 && now == first; ++round) {  // each time one in three stays
    ::poll(nullptr, 0, 2300);
    const Seen seen = ask(tcp("a2", service_ip(100)));
    ASSERT_EQ(seen.outcome, Outcome::Ok) << seen.reason;
    now = seen.backend;
  }
  EXPECT_NE(now, first);
}

// A client of one port's NodePort, balanced over all nodes, may not take what it found there to a ClusterIP
// that must stay on its node; nor the other way round.
TEST_P(Affinity, WhatIsRememberedMustBeUsableUnderThePolicy) {
  model::Service service = sticky_web();
  service.internal_policy = model::TrafficPolicy::Local;
  put(service, {"a1", "b1", "c1"});
  for (const char* from : {"a2", "node-1"}) {
    for (int i = 0; i < 3; ++i) {
      ask(tcp(from, address_of("node-1"), 30080));
      EXPECT_EQ(ask(tcp(from, service_ip(100))).backend, pod_id("a1")) << from;
    }
  }
  service.internal_policy = model::TrafficPolicy::Cluster;
  service.external_policy = model::TrafficPolicy::Local;
  put(service, {"a1", "b1", "c1"});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(only_backend(tcp("client", address_of("node-1"), 30080)), pod_id("a1"));
  }
  put(service, {"a2", "b1", "c1"});
  EXPECT_EQ(only_backend(tcp("client", address_of("node-1"), 30080)), pod_id("a2"));
}

TEST_P(Affinity, ThePolicyLocalKeepsClientsOnTheNodesOwnEndpoints) {
  model::Service service = sticky_web();
  service.external_policy = model::TrafficPolicy::Local;
  put(service, {"a1", "a2", "b1", "b2"});
  for (const char* from : {"client", "www"}) {
    const std::string backend = only_backend(tcp(from, address_of("node-1"), 30080));
    EXPECT_TRUE(backend == pod_id("a1") || backend == pod_id("a2")) << backend;
    only_backend(udp(from, address_of("node-2"), 30080));
  }
  only_backend(tcp("c1", address_of("node-3"), 30080));
  only_backend(tcp("node-3", address_of("node-3"), 30080));
}

TEST_P(Affinity, WithoutEndpointsItIsRefusedAndLaterServed) {
  put(sticky_web(), {"b1"});
  only_backend(tcp("a1", service_ip(100)));
  put(sticky_web(), {});
  expect_refused("a1", service_ip(100));
  put(sticky_web(), {"c1"});
  EXPECT_EQ(only_backend(tcp("a1", service_ip(100))), pod_id("c1"));
  take_away(sticky_web());
  expect_dropped("a1", service_ip(100));
}

}  // namespace
}  // namespace labctl
