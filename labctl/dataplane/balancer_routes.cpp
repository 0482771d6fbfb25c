// What is outside the nodes' tables: routes to load balancer addresses, and the router's own table for
// addresses of the mode Proxy (network model §10.2).

#include "labctl/dataplane/service_proxy.hpp"
#include "topology/plan/fabric.hpp"

namespace labctl::dataplane {
namespace {

using model::ServiceKey;

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
std::vector<IpAddress> ServiceProxy::balanced_nodes(const Known& known) const {
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
std::map<IpAddress, std::vector<IpAddress>> ServiceProxy::wanted_routes(
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

void ServiceProxy::queue_router(const Known& known) {
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

}  // namespace labctl::dataplane
