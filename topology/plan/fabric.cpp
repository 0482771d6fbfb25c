#include "topology/plan/fabric.hpp"

#include "topology/model/place.hpp"
#include "topology/plan/address_plan.hpp"
#include "topology/plan/fabric_parts.hpp"
#include "topology/ruleset/node_ruleset.hpp"

#include <algorithm>

namespace labctl::plan {
namespace {

constexpr int kTrunkIfindex = 2000000;
constexpr int kTrunksMax = 64;  // bounds the underlay at some 60,000 nodes, far beyond what a host can hold

// How many nodes fit on each underlay bridge: the first also holds the router and the trunks.
int nodes_per_bridge(int bridge_ports) { return std::max(1, bridge_ports - 1 - kTrunksMax); }

int bridge_count(const model::Cluster& cluster, int bridge_ports) {
  const int per_bridge = nodes_per_bridge(bridge_ports);
  return std::max(1, (static_cast<int>(cluster.nodes.size()) + per_bridge - 1) / per_bridge);
}

// Bridges with one trunk each to the first: a star, so no loop needs breaking.
Step underlay_step(const model::Cluster& cluster, int bridge_ports) {
  Step step;
  step.ns = kUnderlay;
  if (!cluster.has_family(Family::IPv6)) {
    step.sysctls = ipv6_off();
  }
  step.changes.push_back(SetLink{1, true});
  step.changes.push_back(AddBridge{"outside0", kOutsideBridge, std::nullopt, link_mtu(cluster)});
  for (int i = 0; i < bridge_count(cluster, bridge_ports); ++i) {
    step.changes.push_back(
        AddBridge{"under" + std::to_string(i), underlay_bridge(i), std::nullopt, link_mtu(cluster)});
    if (i > 0) {
      const int trunk = kTrunkIfindex + 2 * i;
      step.changes.push_back(AddVeth{kUnderlay, "trunk" + std::to_string(i) + "a", trunk, underlay_bridge(0),
                                     "trunk" + std::to_string(i) + "b", trunk + 1, std::nullopt,
                                     link_mtu(cluster)});
      step.changes.push_back(SetMaster{trunk + 1, underlay_bridge(i)});
      step.changes.push_back(SetLink{trunk + 1, true});
    }
  }
  return step;
}

void add_node_bridge(Step& step, const model::Cluster& cluster, const model::Node& node) {
  step.changes.push_back(
      AddBridge{"cbr0", kNodeBridge, gateway_mac(node), pod_mtu(cluster) == 1500 ? 0 : pod_mtu(cluster)});
  for (const Prefix& cidr : node.pod_cidrs) {
    step.changes.push_back(AddAddress{kNodeBridge, gateway_of(cidr), cidr.length()});
  }
}

void add_node_uplink(Step& step, const model::Cluster& cluster, size_t index, int bridge_ports) {
  const model::Node& node = cluster.nodes[index];
  const int bridge = static_cast<int>(index) / nodes_per_bridge(bridge_ports);
  step.changes.push_back(AddVeth{kUnderlay, "node" + std::to_string(index + 1),
                                 kNodePort + static_cast<int>(index), underlay_bridge(bridge), "eth0",
                                 kNodeUplink, node_mac(node), link_mtu(cluster)});
  step.changes.push_back(SetLink{kNodeUplink, true});
  for (const IpAddress& address : node.addresses) {
    step.changes.push_back(
        AddAddress{kNodeUplink, address, range_of(cluster.network.node_cidrs, address).length()});
  }
}

void add_default_route(Step& step, const model::Cluster& cluster) {
  for (const Prefix& range : cluster.network.node_cidrs) {
    const IpAddress router = model::router_node_address(range);
    step.changes.push_back(AddNeighbour{kNodeUplink, router, router_mac(cluster)});
    step.changes.push_back(AddRoute{Prefix(IpAddress::any(range.family()), 0), router, kNodeUplink});
  }
}

// The way to the pods of `other`: by its address, or through the VXLAN link, whose far end has the first
// address of the pod CIDR as its gateway (as flannel does).
void add_way_to_pods(Step& step, const model::Cluster& cluster, const model::Node& other) {
  for (const IpAddress& address : other.addresses) {
    step.changes.push_back(AddNeighbour{kNodeUplink, address, node_mac(other)});
  }
  const bool is_vxlan = cluster.network.mode == model::NetworkMode::Vxlan;
  if (is_vxlan) {
    step.changes.push_back(AddFdb{kNodeVxlan, vxlan_mac(other), other.addresses.front()});
  }
  for (size_t f = 0; f < other.pod_cidrs.size(); ++f) {
    const Prefix& cidr = other.pod_cidrs[f];
    if (is_vxlan) {
      step.changes.push_back(AddNeighbour{kNodeVxlan, cidr.address(), vxlan_mac(other)});
      step.changes.push_back(AddRoute{cidr, cidr.address(), kNodeVxlan, true});
    } else {
      step.changes.push_back(AddRoute{cidr, other.addresses[f], kNodeUplink});
    }
  }
}

void add_vxlan(Step& step, const model::Cluster& cluster, const model::Node& node) {
  step.changes.push_back(
      AddVxlan{"vxlan0", kNodeVxlan, vxlan_mac(node), kNodeUplink, node.addresses.front(), pod_mtu(cluster)});
  for (const Prefix& cidr : node.pod_cidrs) {
    step.changes.push_back(AddAddress{kNodeVxlan, cidr.address(), cidr.family() == Family::IPv4 ? 32 : 128});
  }
}

Step node_step(const model::Cluster& cluster, size_t index, int bridge_ports) {
  const model::Node& node = cluster.nodes[index];
  Step step;
  step.ns = node_id(node.name);
  step.makes_namespace = true;
  step.sysctls = forwarding_sysctls(cluster.has_family(Family::IPv6));
  if (cluster.has_family(Family::IPv4)) {
    // For hostPorts on 127.0.0.1; the chain `loopback` keeps others out.
    step.sysctls.push_back({"net/ipv4/conf/default/route_localnet", "1"});
  }
  // As kube-proxy sets them (network model §12).
  step.sysctls.push_back({"net/netfilter/nf_conntrack_tcp_timeout_established", "86400", true});
  step.sysctls.push_back({"net/netfilter/nf_conntrack_tcp_timeout_close_wait", "3600", true});
  step.changes.push_back(SetLink{1, true});
  add_node_bridge(step, cluster, node);
  add_node_uplink(step, cluster, index, bridge_ports);
  add_default_route(step, cluster);
  if (cluster.network.mode == model::NetworkMode::Vxlan) {
    add_vxlan(step, cluster, node);
  }
  for (size_t other = 0; other < cluster.nodes.size(); ++other) {
    if (other != index) {
      add_way_to_pods(step, cluster, cluster.nodes[other]);
    }
  }
  step.ruleset = ruleset::node_ruleset(cluster);
  return step;
}

}  // namespace

std::vector<Step> plan_fabric(const model::Cluster& cluster, int bridge_ports) {
  std::vector<Step> steps;
  steps.push_back(underlay_step(cluster, bridge_ports));
  steps.push_back(router_step(cluster));
  for (size_t i = 0; i < cluster.nodes.size(); ++i) {
    steps.push_back(node_step(cluster, i, bridge_ports));
  }
  for (size_t i = 0; i < cluster.outside.hosts.size(); ++i) {
    steps.push_back(outside_step(cluster, i));
  }
  return steps;
}

NamespaceId pod_id(const model::PodKey& key) { return to_string(model::Place::pod(key)); }
NamespaceId node_id(const std::string& name) { return to_string(model::Place::node(name)); }
NamespaceId outside_id(const std::string& name) { return to_string(model::Place::outside(name)); }

}  // namespace labctl::plan
