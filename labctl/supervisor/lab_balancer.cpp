// What is outside the nodes' tables: routes to load balancer addresses, the router's own table for addresses
// of the mode Proxy, and the health checks that nodes answer (network model §8.4, §10.2).

#include "labctl/controllers/service_objects.hpp"
#include "labctl/supervisor/lab_services.hpp"
#include "topology/base/error.hpp"
#include "topology/plan/fabric.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::supervisor {
namespace {

using model::ServiceKey;

std::string health_body(const ServiceKey& key, std::size_t ready) {
  return nlohmann::json{{"service", {{"namespace", key.ns}, {"name", key.name}}},
                        {"localEndpoints", ready},
                        {"serviceProxyHealthy", true}}
      .dump();
}

std::vector<plan::NextHop> next_hops(const std::vector<IpAddress>& nodes) {
  std::vector<plan::NextHop> hops;
  for (const IpAddress& node : nodes) {
    hops.push_back({node, plan::kRouterUplink});
  }
  return hops;
}

Prefix host_prefix(const IpAddress& address) { return {address, static_cast<int>(address.size()) * 8}; }

}  // namespace

// Those that a balancer outside sends to: with a ready endpoint of their own if the policy is Local. When
// none is fit, all of them: then the nodes themselves say what becomes of a packet.
std::vector<IpAddress> LabServices::balanced_nodes(const Known& known) const {
  const bool is_local = known.service.external_policy == model::TrafficPolicy::Local;
  const Slices slices = known.slice_list();
  std::vector<IpAddress> fit, all;
  for (const NodeState& node : nodes_) {
    if (!node.takes_balanced_traffic) {
      continue;
    }
    const bool is_fit = !is_local || service::ready_on(node.program.viewer.node, slices) > 0;
    for (const IpAddress& address : node.program.addresses) {
      all.push_back(address);
      if (is_fit) {
        fit.push_back(address);
      }
    }
  }
  return fit.empty() ? all : fit;
}

// To each load balancer address the nodes of its family.
std::map<IpAddress, std::vector<IpAddress>> LabServices::wanted_routes(
    const Known& known, const std::vector<IpAddress>& nodes) const {
  std::map<IpAddress, std::vector<IpAddress>> wanted;
  for (const IpAddress& address : known.service.load_balancer_ips) {
    for (const IpAddress& node : nodes) {
      if (node.family() == address.family()) {
        wanted[address].push_back(node);
      }
    }
  }
  return wanted;
}

void LabServices::queue_router(const Known& known) {
  const model::Service& service = known.service;
  const bool is_balanced = !known.is_gone() && !service.is_ignored &&
                           !(service.load_balancer_ips.empty() && service.proxied_ips.empty());
  const std::vector<IpAddress> nodes = is_balanced ? balanced_nodes(known) : std::vector<IpAddress>{};
  router_->set("svc " + to_string(service.key),
               is_balanced ? service::router_program(service, nodes) : service::NodeProgram{});
  const auto wanted = wanted_routes(known, nodes);
  const auto had = balanced_.find(service.key);
  for (const IpAddress& address : had == balanced_.end() ? std::vector<IpAddress>{} : had->second) {
    if (!wanted.contains(address)) {
      route_changes_.push_back(plan::DeleteRoute{host_prefix(address), next_hops(routes_[address])});
      routes_.erase(address);
    }
  }
  if (wanted.empty()) {
    if (had != balanced_.end()) {
      balanced_.erase(had);
    }
    return;
  }
  std::vector<IpAddress>& balanced = balanced_[service.key];
  balanced.clear();
  for (const auto& [address, to] : wanted) {
    balanced.push_back(address);
    if (routes_[address] != to) {
      route_changes_.push_back(
          plan::ReplaceRoute{host_prefix(address), next_hops(to), next_hops(routes_[address])});
      routes_[address] = to;
    }
  }
}

void LabServices::update_health(const Known& known) {
  const ServiceKey& key = known.service.key;
  const std::uint16_t port = known.is_gone() ? std::uint16_t{0} : known.service.health_check_node_port;
  const Slices slices = known.slice_list();
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto found = health_.find({key, i});
    const std::size_t ready = port == 0 ? 0 : service::ready_on(nodes_[i].program.viewer.node, slices);
    if (found != health_.end() && found->second.port == port && found->second.ready == ready) {
      continue;
    }
    if (found != health_.end()) {
      server_.stop(found->second.server, std::chrono::milliseconds(0));
      health_.erase(found);
    }
    if (port != 0) {
      HealthCheck check{0, port, ready};
      start_health(i, key, check);
      health_[{key, i}] = check;
    }
  }
}

server::PodId LabServices::server_of(std::size_t node) {
  NodeState& state = nodes_[node];
  if (!state.server) {
    const model::Node& which = cluster_.nodes[node];
    server::Identity identity;
    identity.id = plan::node_id(which.name);
    identity.hostname = which.name;
    identity.name = which.name;
    identity.addresses = which.addresses;
    identity.netns_fd = fabric_.namespace_fd(identity.id);
    state.server = server_.add_pod(std::move(identity));
  }
  return *state.server;
}

void LabServices::start_health(std::size_t node, const ServiceKey& key, HealthCheck& check) {
  server::Role role;
  role.name = "health check of svc " + to_string(key);
  server::Endpoint endpoint;
  endpoint.port = check.port;
  endpoint.service = server::Service::StatusHttp;
  endpoint.status = check.ready > 0 ? 200 : 503;
  endpoint.text = health_body(key, check.ready);
  role.endpoints.push_back(std::move(endpoint));
  try {
    check.server = server_.start(server_of(node), role);
  } catch (const Error& error) {
    spdlog::warn("{}: {}: {}", cluster_.nodes[node].name, role.name, error.what());
  }
}

// What the endpoint of default/kubernetes answers: the API of a lab is not served over the network (yet).
void LabServices::start_api_stub() {
  server::Role role;
  role.name = "endpoint of svc default/kubernetes";
  server::Endpoint endpoint;
  endpoint.port = controllers::kApiServerPort;
  endpoint.service = server::Service::StatusHttp;
  endpoint.status = 403;
  endpoint.text = R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,)"
                  R"("message":"this lab has no API server in its network: use labctl"})";
  role.endpoints.push_back(std::move(endpoint));
  server_.start(server_of(0), role);
}

}  // namespace labctl::supervisor
