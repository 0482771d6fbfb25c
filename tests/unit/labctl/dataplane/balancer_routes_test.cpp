#include "labctl/dataplane/balancer_routes.hpp"

#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>

namespace labctl::dataplane {
namespace {

using Addresses = std::vector<IpAddress>;

std::vector<BalancedNode> two_nodes() {
  return {{"n1", {ip("10.0.0.1"), ip("2001:db8::1")}}, {"n2", {ip("10.0.0.2")}}};
}

model::EndpointSlice ready_on(const std::string& node) {
  model::EndpointSlice slice;
  slice.endpoints.push_back({ip("10.244.1.2"), node, true, true, false, {}, {}});
  return slice;
}

model::Service with_policy(model::TrafficPolicy policy) {
  model::Service service;
  service.external_policy = policy;
  return service;
}

TEST(FitNodes, AreAllThatTakeTrafficUnlessThePolicyIsLocal) {
  const model::Service service = with_policy(model::TrafficPolicy::Cluster);
  std::vector<BalancedNode> nodes = two_nodes();
  EXPECT_EQ(fit_nodes(service, {}, nodes), (Addresses{ip("10.0.0.1"), ip("2001:db8::1"), ip("10.0.0.2")}));
  nodes[0].takes_traffic = false;
  EXPECT_EQ(fit_nodes(service, {}, nodes), Addresses{ip("10.0.0.2")});
}

TEST(FitNodes, OfAPolicyLocalHaveAReadyEndpoint) {
  const model::EndpointSlice slice = ready_on("n2");
  const model::EndpointSlice* const slices[] = {&slice};
  EXPECT_EQ(fit_nodes(with_policy(model::TrafficPolicy::Local), slices, two_nodes()),
            Addresses{ip("10.0.0.2")});
}

TEST(FitNodes, OfAPolicyLocalAreAllThatTakeTrafficWhenNoneIsFit) {
  const model::EndpointSlice slice = ready_on("n1");
  const model::EndpointSlice* const slices[] = {&slice};
  std::vector<BalancedNode> nodes = two_nodes();
  nodes[0].takes_traffic = false;  // the only one with an endpoint
  EXPECT_EQ(fit_nodes(with_policy(model::TrafficPolicy::Local), slices, nodes), Addresses{ip("10.0.0.2")});
}

}  // namespace
}  // namespace labctl::dataplane
