// Which endpoints a node may use, against the rules of network model §4, §8.1 and §8.5 written down naively.

#include "topology/service/backends.hpp"
#include "tests/support/addresses.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace labctl::service {
namespace {

using model::Endpoint;
using model::EndpointSlice;
using testing::ElementsAre;
using testing::IsEmpty;

using Chance = std::mt19937;

bool coin(Chance& chance, double probability = 0.5) {
  return std::bernoulli_distribution(probability)(chance);
}

std::string one_of(Chance& chance, std::vector<std::string> words) {
  return words[std::uniform_int_distribution<std::size_t>(0, words.size() - 1)(chance)];
}

Endpoint random_endpoint(Chance& chance) {
  Endpoint endpoint;
  const auto number = std::uniform_int_distribution<std::uint64_t>(1, 5)(chance);
  endpoint.address = ip(coin(chance, 0.8) ? "10.0.0.0" : "2001:db8::").plus(number);
  endpoint.node = one_of(chance, {"", "n1", "n2", "n3"});
  endpoint.is_ready = coin(chance);
  endpoint.is_serving = coin(chance);
  endpoint.is_terminating = coin(chance);
  for (auto* hints : {&endpoint.node_hints, &endpoint.zone_hints}) {
    const bool is_node = hints == &endpoint.node_hints;
    for (int i = coin(chance, 0.85) ? 1 : 0; i > 0 || coin(chance, 0.2); --i) {
      hints->push_back(is_node ? one_of(chance, {"n1", "n2", "n3"}) : one_of(chance, {"z1", "z2"}));
    }
  }
  return endpoint;
}

std::vector<EndpointSlice> random_slices(Chance& chance) {
  std::vector<EndpointSlice> slices(std::uniform_int_distribution<std::size_t>(0, 3)(chance));
  for (EndpointSlice& slice : slices) {
    slice.ports.push_back({one_of(chance, {"http", "http", "other"}),
                           coin(chance, 0.85) ? model::Protocol::Tcp : model::Protocol::Udp,
                           static_cast<std::uint16_t>(coin(chance) ? 8080 : 9090)});
    if (coin(chance, 0.2)) {
      slice.ports.push_back({"http", model::Protocol::Tcp, 7070});
    }
    slice.endpoints.resize(std::uniform_int_distribution<std::size_t>(0, 4)(chance));
    for (Endpoint& endpoint : slice.endpoints) {
      endpoint = random_endpoint(chance);
    }
  }
  return slices;
}

std::vector<const EndpointSlice*> pointers(const std::vector<EndpointSlice>& slices) {
  std::vector<const EndpointSlice*> all;
  for (const EndpointSlice& slice : slices) {
    all.push_back(&slice);
  }
  return all;
}

const model::ServicePort kHttp{"http", model::Protocol::Tcp, 80, 0};

// ---- The rules, one sentence after the other ----

int usability(const Endpoint& endpoint) {
  return endpoint.is_ready ? 2 : endpoint.is_serving && endpoint.is_terminating ? 1 : 0;
}

using Union = std::map<Backend, const Endpoint*>;

Union naive_union(const std::vector<EndpointSlice>& slices, Family family) {
  Union all;
  for (const EndpointSlice& slice : slices) {
    for (const model::EndpointPort& port : slice.ports) {
      for (const Endpoint& endpoint : slice.endpoints) {
        if (port.name == "http" && port.protocol == model::Protocol::Tcp &&
            endpoint.address.family() == family) {
          const Endpoint*& known = all[{endpoint.address, port.port}];
          known = known == nullptr || usability(endpoint) > usability(*known) ? &endpoint : known;
        }
      }
    }
  }
  return all;
}

template <typename Predicate>
std::vector<Backend> those(const Union& all, const Predicate& predicate) {
  std::vector<Backend> chosen;
  for (const auto& [backend, endpoint] : all) {
    if (predicate(*endpoint)) {
      chosen.push_back(backend);
    }
  }
  return chosen;
}

bool is_in(const std::vector<std::string>& hints, const std::string& word) {
  return std::count(hints.begin(), hints.end(), word) > 0;
}

std::vector<Backend> naive_cluster(const Union& all, const Viewer& viewer) {
  const auto ready = those(all, [](const Endpoint& e) { return e.is_ready; });
  if (ready.empty()) {
    return those(all, [](const Endpoint& e) { return e.is_serving && e.is_terminating; });
  }
  const auto with_node_hints =
      those(all, [](const Endpoint& e) { return e.is_ready && !e.node_hints.empty(); });
  const auto for_node =
      those(all, [&](const Endpoint& e) { return e.is_ready && is_in(e.node_hints, viewer.node); });
  if (with_node_hints == ready && !for_node.empty()) {
    return for_node;
  }
  const auto with_zone_hints =
      those(all, [](const Endpoint& e) { return e.is_ready && !e.zone_hints.empty(); });
  const auto for_zone =
      those(all, [&](const Endpoint& e) { return e.is_ready && is_in(e.zone_hints, viewer.zone); });
  if (!viewer.zone.empty() && with_zone_hints == ready && !for_zone.empty()) {
    return for_zone;
  }
  return ready;
}

std::vector<Backend> naive_local(const Union& all, const Viewer& viewer) {
  const auto ready = those(all, [&](const Endpoint& e) { return e.is_ready && e.node == viewer.node; });
  return !ready.empty() ? ready : those(all, [&](const Endpoint& e) {
    return e.is_serving && e.is_terminating && e.node == viewer.node;
  });
}

// Of all addresses that the dice may have thrown, those with a ready endpoint on the node.
std::size_t naive_ready_on(const std::vector<EndpointSlice>& slices, const std::string& node) {
  std::size_t count = 0;
  for (const char* base : {"10.0.0.0", "2001:db8::"}) {
    for (std::uint64_t number = 1; number <= 5; ++number) {
      const auto is_ready_there = [&](const Endpoint& e) {
        return e.address == ip(base).plus(number) && e.node == node && e.is_ready && !e.is_terminating;
      };
      count += std::any_of(slices.begin(), slices.end(), [&](const EndpointSlice& slice) {
        return std::any_of(slice.endpoints.begin(), slice.endpoints.end(), is_ready_there);
      });
    }
  }
  return count;
}

TEST(Backends, AreThoseThatTheRulesName) {
  Chance chance(20);
  int narrowed = 0, fallen_back = 0;
  for (int round = 0; round < 30000; ++round) {
    const std::vector<EndpointSlice> slices = random_slices(chance);
    const auto given = pointers(slices);
    const Viewer viewer{one_of(chance, {"n1", "n2", "n4"}), one_of(chance, {"", "z1", "z3"})};
    for (const Family family : {Family::IPv4, Family::IPv6}) {
      const Union all = naive_union(slices, family);
      const std::vector<PortEndpoint> endpoints = endpoints_of(kHttp, family, given);
      ASSERT_EQ(endpoints.size(), all.size()) << "round " << round;
      const Usable usable = usable_by(viewer, endpoints);
      ASSERT_EQ(usable.cluster, naive_cluster(all, viewer)) << "round " << round;
      ASSERT_EQ(usable.local, naive_local(all, viewer)) << "round " << round;
      ASSERT_EQ(usable.any(), !usable.cluster.empty());
      const auto ready = those(all, [](const Endpoint& e) { return e.is_ready; });
      narrowed += !ready.empty() && usable.cluster.size() < ready.size() ? 1 : 0;
      fallen_back += ready.empty() && !usable.cluster.empty() ? 1 : 0;
      ASSERT_EQ(serving(endpoints), those(all, [](const Endpoint& e) { return e.is_serving || e.is_ready; }));
    }
    ASSERT_EQ(ready_on(viewer.node, given), naive_ready_on(slices, viewer.node)) << "round " << round;
  }
  // The dice have thrown what this is about.
  EXPECT_GT(narrowed, 1000);
  EXPECT_GT(fallen_back, 1000);
}

TEST(Backends, APortIsFoundByNameAndProtocolWithTheSlicesNumber) {
  EndpointSlice slice;
  slice.ports = {{"http", model::Protocol::Tcp, 8080},
                 {"http", model::Protocol::Udp, 8081},
                 {"", model::Protocol::Tcp, 8082},
                 {"unresolved", model::Protocol::Tcp, 0}};
  slice.endpoints = {{ip("10.0.0.1"), "n1", true, true, false, {}, {}}};
  const EndpointSlice* slices[] = {&slice};
  const auto backends = [&](const model::ServicePort& port) {
    return usable_by({"n1", ""}, endpoints_of(port, Family::IPv4, slices)).cluster;
  };
  EXPECT_THAT(backends({"http", model::Protocol::Tcp, 80, 0}), ElementsAre(Backend{ip("10.0.0.1"), 8080}));
  EXPECT_THAT(backends({"http", model::Protocol::Udp, 80, 0}), ElementsAre(Backend{ip("10.0.0.1"), 8081}));
  EXPECT_THAT(backends({"", model::Protocol::Tcp, 80, 0}), ElementsAre(Backend{ip("10.0.0.1"), 8082}));
  EXPECT_THAT(backends({"unresolved", model::Protocol::Tcp, 80, 0}), IsEmpty());
  EXPECT_THAT(backends({"http", model::Protocol::Sctp, 80, 0}), IsEmpty());
}

TEST(Backends, AnEndpointOfNoNodeIsOnNone) {
  EndpointSlice slice;
  slice.ports = {{"http", model::Protocol::Tcp, 8080}};
  slice.endpoints = {{ip("10.0.0.1"), "", true, true, false, {}, {}}};
  const EndpointSlice* slices[] = {&slice};
  const auto endpoints = endpoints_of(kHttp, Family::IPv4, slices);
  EXPECT_THAT(usable_by({"", ""}, endpoints).local, IsEmpty());
  EXPECT_EQ(usable_by({"", ""}, endpoints).cluster.size(), 1U);
}

}  // namespace
}  // namespace labctl::service
