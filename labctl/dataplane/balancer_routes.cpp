#include "labctl/dataplane/balancer_routes.hpp"

#include "topology/base/error.hpp"
#include "topology/plan/fabric.hpp"
#include "topology/ruleset/services/layout_factory.hpp"
#include "topology/service/backends.hpp"
#include "topology/service/node_program.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace labctl::dataplane {
namespace {

std::vector<plan::NextHop> next_hops(const std::vector<IpAddress>& nodes) {
  std::vector<plan::NextHop> hops;
  for (const IpAddress& node : nodes) {
    hops.push_back({node, plan::kRouterUplink});
  }
  return hops;
}

Prefix host_prefix(const IpAddress& address) { return {address, static_cast<int>(address.size()) * 8}; }

std::vector<BalancedNode> balanced_nodes(const model::Cluster& cluster) {
  std::vector<BalancedNode> nodes;
  for (const model::Node& node : cluster.nodes) {
    nodes.push_back({node.name, node.addresses});
  }
  return nodes;
}

// To each load balancer address the nodes of its family.
std::map<IpAddress, std::vector<IpAddress>> wanted_routes(const model::Service& service,
                                                          const std::vector<IpAddress>& nodes) {
  std::map<IpAddress, std::vector<IpAddress>> wanted;
  for (const IpAddress& address : service.load_balancer_ips) {
    for (const IpAddress& node : nodes) {
      if (node.family() == address.family()) {
        wanted[address].push_back(node);
      }
    }
  }
  return wanted;
}

std::string owner_of(const model::ServiceKey& service) { return "svc " + to_string(service); }

}  // namespace

std::vector<IpAddress> fit_nodes(const model::Service& service,
                                 std::span<const model::EndpointSlice* const> slices,
                                 std::span<const BalancedNode> nodes) {
  const bool is_local = service.external_policy == model::TrafficPolicy::Local;
  std::vector<IpAddress> fit, all;
  for (const BalancedNode& node : nodes) {
    if (!node.takes_traffic) {
      continue;
    }
    const bool is_fit = !is_local || service::ready_on(node.name, slices) > 0;
    for (const IpAddress& address : node.addresses) {
      all.push_back(address);
      if (is_fit) {
        fit.push_back(address);
      }
    }
  }
  return fit.empty() ? all : fit;
}

BalancerRoutes::BalancerRoutes(const model::Cluster& cluster, apply::Fabric& fabric)
    : fabric_(fabric),
      nodes_(balanced_nodes(cluster)),
      table_(fabric.namespace_fd(plan::kRouter), ruleset::make_router_layout(cluster)) {}

void BalancerRoutes::set(const model::Service& service, std::span<const model::EndpointSlice* const> slices) {
  if (service.is_ignored || (service.load_balancer_ips.empty() && service.proxied_ips.empty())) {
    return remove(service.key);
  }
  const std::vector<IpAddress> nodes = fit_nodes(service, slices, nodes_);
  table_.set(owner_of(service.key), service::router_program(service, nodes));
  set_routes(service.key, wanted_routes(service, nodes));
}

void BalancerRoutes::remove(const model::ServiceKey& service) {
  table_.set(owner_of(service), service::NodeProgram{});
  set_routes(service, {});
}

void BalancerRoutes::set_routes(const model::ServiceKey& service,
                                const std::map<IpAddress, NodeAddresses>& wanted) {
  for (const IpAddress& address : std::exchange(balanced_[service], {})) {
    if (!wanted.contains(address)) {
      changes_.push_back(plan::DeleteRoute{host_prefix(address), next_hops(routes_[address])});
      routes_.erase(address);
    }
  }
  for (const auto& [address, to] : wanted) {
    balanced_[service].push_back(address);
    if (routes_[address] != to) {
      changes_.push_back(
          plan::ReplaceRoute{host_prefix(address), next_hops(to), next_hops(routes_[address])});
      routes_[address] = to;
    }
  }
  if (wanted.empty()) {
    balanced_.erase(service);
  }
}

void BalancerRoutes::commit() {
  if (changes_.empty()) {
    return;
  }
  plan::Step step;
  step.ns = plan::kRouter;
  step.changes = std::exchange(changes_, {});
  try {
    fabric_.apply(std::span(&step, 1));
  } catch (const Error& error) {
    spdlog::error("router: route to load balancer addresses: {}", error.what());
  }
}

}  // namespace labctl::dataplane
