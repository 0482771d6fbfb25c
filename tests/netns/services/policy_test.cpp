// Traffic policies and which endpoints a node may use: network model §8.

#include "tests/netns/services/service_lab.hpp"

namespace labctl {
namespace {

using model::TrafficPolicy;

class Policies : public ServiceLab {
 protected:
  model::Service local_web() const {
    model::Service service = node_port_web();
    service.external_policy = TrafficPolicy::Local;
    service.load_balancer_ips = {balancer_ip(10)};
    return service;
  }
};

INSTANTIATE_TEST_SUITE_P(Services, Policies, testing::ValuesIn(all_layouts()), layout_name);

TEST_P(Policies, OutsideClientsReachOnlyEndpointsOfTheNodeTheyAsk) {
  put(local_web(), {"a1", "a2", "b1"});
  expect_answer("client", address_of("node-1"), 30080, {"a1", "a2"}, "client");
  expect_answer("client", address_of("node-2"), 30080, {"b1"}, "client");
  expect_dropped("client", address_of("node-3"), 30080);
}

TEST_P(Policies, AnotherNodesProcessIsAnOutsideClient) {
  put(local_web(), {"a1"});
  expect_answer("node-2", address_of("node-1"), 30080, {"a1"}, "node-2");
  expect_dropped("node-1", address_of("node-3"), 30080);
}

TEST_P(Policies, PodsReachAnyEndpointWhateverTheirNodeHas) {
  put(local_web(), {"a1", "b1"});
  for (const char* from : {"a2", "c1"}) {
    expect_answer(from, balancer_ip(10), 80, {"a1", "b1"}, from);
  }
  expect_answer("a2", address_of("node-1"), 30080, {"a1", "b1"}, "a2");
  expect_answer("c1", address_of("node-3"), 30080, {"a1", "b1"}, "c1");
}

// The answer of an endpoint elsewhere would pass the node by that translated the question.
TEST_P(Policies, PodsReachAServiceByTheNodePortOfAnotherNode) {
  put(local_web(), {"a1", "b1"});
  expect_answer("c1", address_of("node-1"), 30080, {"a1"}, "c1");
  expect_answer("b2", address_of("node-1"), 30080, {"a1"}, "b2");
  expect_answer("a2", address_of("node-3"), 30080, {"a1", "b1"});
  expect_answer("a1", address_of("node-3"), 30080, {"a1", "b1"});
}

TEST_P(Policies, HostProcessesReachAnyEndpoint) {
  put(local_web(), {"a1", "b1"});
  for (const char* from : {"node-1", "node-3"}) {
    expect_answer(from, balancer_ip(10), 80, {"a1", "b1"});
    expect_answer(from, address_of(from), 30080, {"a1", "b1"});
  }
}

TEST_P(Policies, TheExternalPolicyLeavesTheClusterIpAlone) {
  put(local_web(), {"a1", "b1"});
  expect_answer("c1", service_ip(100), 80, {"a1", "b1"}, "c1");
}

TEST_P(Policies, WithoutAnyEndpointEveryoneIsRefused) {
  put(local_web(), {});
  route_to("node-1", balancer_ip(10));
  for (const char* from : {"client", "a1", "node-1"}) {
    expect_refused(from, address_of("node-1"), 30080);
    expect_refused(from, balancer_ip(10), 80);
  }
}

TEST_P(Policies, ThePolicyMayChangeBackAndForth) {
  model::Service service = local_web();
  for (int round = 0; round < 2; ++round) {
    service.external_policy = TrafficPolicy::Local;
    put(service, {"a1"});
    expect_dropped("client", address_of("node-2"), 30080);
    expect_answer("client", address_of("node-1"), 30080, {"a1"}, "client");
    service.external_policy = TrafficPolicy::Cluster;
    put(service, {"a1"});
    expect_answer("client", address_of("node-2"), 30080, {"a1"});
  }
}

TEST_P(Policies, InternalTrafficStaysOnItsNode) {
  model::Service service = node_port_web();
  service.internal_policy = TrafficPolicy::Local;
  put(service, {"a1", "a2", "b1"});
  for (const char* from : {"a1", "node-1"}) {
    expect_answer(from, service_ip(100), 80, {"a1", "a2"});
  }
  expect_answer("b2", service_ip(100), 80, {"b1"}, "b2");
  expect_dropped("c1", service_ip(100));
  expect_dropped("node-3", service_ip(100));
  // The two policies have nothing to do with each other.
  expect_answer("client", address_of("node-3"), 30080, {"a1", "a2", "b1"});
}

TEST_P(Policies, InternalTrafficWithoutAnyEndpointIsRefused) {
  model::Service service = web();
  service.internal_policy = TrafficPolicy::Local;
  put(service, {});
  expect_refused("a1", service_ip(100));
  expect_refused("node-1", service_ip(100));
}

TEST_P(Policies, AHostNetworkEndpointIsOnItsNode) {
  model::Service service = web();
  service.internal_policy = TrafficPolicy::Local;
  put(service, {"node-1", "b1"});
  expect_answer("a1", service_ip(100), 80, {"node-1"}, "a1");
  expect_answer("node-1", service_ip(100), 80, {"node-1"});
}

TEST_P(Policies, TerminatingEndpointsServeOnlyWhenNoneIsReady) {
  model::EndpointSlice endpoints = slice(node_port_web(), {"a1", "b1", "c1"});
  for (model::Endpoint& endpoint : endpoints.endpoints) {
    endpoint.is_ready = false;
    endpoint.is_terminating = true;
  }
  endpoints.endpoints[2].is_serving = false;
  model::Service service = node_port_web();
  put_slice(service, endpoints);
  expect_answer("c2", service_ip(100), 80, {"a1", "b1"}, "c2");
  expect_answer("client", address_of("node-3"), 30080, {"a1", "b1"});
  endpoints.endpoints[1] = slice(service, {"b1"}).endpoints[0];
  put_slice(service, endpoints);
  expect_answer("c2", service_ip(100), 80, {"b1"}, "c2");
  service.external_policy = TrafficPolicy::Local;
  put_slice(service, endpoints);
  expect_answer("client", address_of("node-1"), 30080, {"a1"}, "client");
  expect_dropped("client", address_of("node-3"), 30080);
}

TEST_P(Policies, HintsKeepTrafficNearAndFallBack) {
  program_node("node-1").viewer.zone = "east";
  program_node("node-2").viewer.zone = "east";
  program_node("node-3").viewer.zone = "west";
  model::EndpointSlice endpoints = slice(web(), {"a1", "b1", "c1"});
  endpoints.endpoints[0].zone_hints = {"east"};
  endpoints.endpoints[1].zone_hints = {"east"};
  endpoints.endpoints[2].zone_hints = {"west"};
  put_slice(web(), endpoints);
  expect_answer("a2", service_ip(100), 80, {"a1", "b1"}, "a2");
  expect_answer("c2", service_ip(100), 80, {"c1"}, "c2");
  endpoints.endpoints.pop_back();
  put_slice(web(), endpoints);
  expect_answer("c2", service_ip(100), 80, {"a1", "b1"}, "c2");
}

}  // namespace
}  // namespace labctl
