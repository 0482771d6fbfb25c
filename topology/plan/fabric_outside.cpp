// The router and the outside hosts: the world beyond the nodes.

#include "topology/plan/fabric.hpp"
#include "topology/plan/fabric_parts.hpp"
#include "topology/ruleset/node_ruleset.hpp"

#include <algorithm>
#include <set>

namespace labctl::plan {
namespace {

constexpr int kUnderlayBridge = 10;  // first of those, the only one with this number of nodes

// The router's ends.
constexpr int kRouterToOutside = 3;
constexpr int kLoopback = 1;
constexpr int kHostLink = 2;

int host_length(const IpAddress& address) { return address.family() == Family::IPv4 ? 32 : 128; }

// Families that any outside host uses: the router has an address for each.
std::set<Family> outside_families(const model::Cluster& cluster) {
  std::set<Family> families(cluster.families.begin(), cluster.families.end());
  for (const model::OutsideHost& host : cluster.outside.hosts) {
    for (const IpAddress& address : host.addresses) {
      families.insert(address.family());
    }
  }
  return families;
}

}  // namespace

int underlay_bridge(int number) { return kUnderlayBridge + number; }

const Prefix& range_of(const std::vector<Prefix>& ranges, const IpAddress& address) {
  return *prefix_of(ranges, address.family());
}

MacAddress gateway_mac(const model::Node& node) { return MacAddress::derive(1, node.addresses.front()); }
MacAddress node_mac(const model::Node& node) { return MacAddress::derive(2, node.addresses.front()); }
MacAddress vxlan_mac(const model::Node& node) { return MacAddress::derive(4, node.addresses.front()); }
MacAddress router_mac(const model::Cluster& cluster) {
  return MacAddress::derive(5, model::router_node_address(cluster.network.node_cidrs.front()));
}
MacAddress outside_mac(const model::OutsideHost& host) {
  return MacAddress::derive(3, host.addresses.front());
}

int link_mtu(const model::Cluster& cluster) { return cluster.network.mtu == 1500 ? 0 : cluster.network.mtu; }

std::vector<Sysctl> ipv6_off() { return {{"net/ipv6/conf/default/disable_ipv6", "1", true}}; }

std::vector<Sysctl> ipv6_quiet() {
  return {{"net/ipv6/conf/default/addr_gen_mode", "1"}, {"net/ipv6/conf/default/router_solicitations", "0"}};
}

std::vector<Sysctl> forwarding_sysctls(bool has_ipv6) {
  std::vector<Sysctl> sysctls;
  if (has_ipv6) {
    sysctls = ipv6_quiet();
    sysctls.push_back({"net/ipv6/conf/all/forwarding", "1"});
    sysctls.push_back({"net/ipv6/icmp/ratelimit", "0"});
  } else {
    sysctls = ipv6_off();
  }
  // The first four start as copies of the host's; the redirects would tell a pod about its neighbour on cbr0.
  sysctls.push_back({"net/ipv4/ip_forward", "1"});
  sysctls.push_back({"net/ipv4/conf/all/rp_filter", "0"});
  sysctls.push_back({"net/ipv4/conf/default/rp_filter", "0"});
  sysctls.push_back({"net/ipv4/conf/all/send_redirects", "0"});
  sysctls.push_back({"net/ipv4/conf/default/send_redirects", "0"});
  // Else rules meant for what is routed see what cbr0 hands on, too; and a
  // pod cannot reach itself by a Service.
  sysctls.push_back({"net/bridge/bridge-nf-call-iptables", "0", true});
  sysctls.push_back({"net/bridge/bridge-nf-call-ip6tables", "0", true});
  // Whoever is told "unreachable" must be told each time: a probe that hears nothing would call it a timeout.
  sysctls.push_back({"net/ipv4/icmp_ratelimit", "0"});
  sysctls.push_back({"net/ipv4/icmp_msgs_per_sec", "1000000", true});
  sysctls.push_back({"net/ipv4/icmp_msgs_burst", "1000000", true});
  // Probes end with a reset; their conntrack entries need not stay for the default 10 s.
  sysctls.push_back({"net/netfilter/nf_conntrack_tcp_timeout_close", "1", true});
  return sysctls;
}

Step router_step(const model::Cluster& cluster) {
  Step step;
  step.ns = kRouter;
  step.makes_namespace = true;
  step.sysctls = forwarding_sysctls(outside_families(cluster).contains(Family::IPv6));
  // Connections, not hosts, are spread over the nodes that a load balancer's address is routed to.
  step.sysctls.push_back({"net/ipv4/fib_multipath_hash_policy", "1", true});
  if (cluster.has_family(Family::IPv6)) {
    step.sysctls.push_back({"net/ipv6/fib_multipath_hash_policy", "1", true});
  }
  step.changes.push_back(SetLink{kLoopback, true});
  step.changes.push_back(AddVeth{kUnderlay, "router-nodes", kRouterNodePort, underlay_bridge(0), "eth0",
                                 kRouterUplink, router_mac(cluster), link_mtu(cluster)});
  step.changes.push_back(AddVeth{kUnderlay, "router-outside", kRouterOutsidePort, kOutsideBridge, "eth1",
                                 kRouterToOutside, router_mac(cluster), link_mtu(cluster)});
  step.changes.push_back(SetLink{kRouterUplink, true});
  step.changes.push_back(SetLink{kRouterToOutside, true});
  for (const Prefix& range : cluster.network.node_cidrs) {
    step.changes.push_back(AddAddress{kRouterUplink, model::router_node_address(range), range.length()});
  }
  for (const Family family : outside_families(cluster)) {
    const Prefix& outside = model::default_ranges(family).outside;
    step.changes.push_back(
        AddAddress{kRouterToOutside, model::router_outside_address(outside), outside.length()});
  }
  // Not on eth1: there it could become the source of what the router itself sends. All hosts send by way of
  // the router, so nobody asks who has it.
  for (const IpAddress& address : model::outside_dns_addresses(cluster)) {
    step.changes.push_back(AddAddress{kLoopback, address, host_length(address)});
  }
  for (const model::Node& node : cluster.nodes) {
    for (const IpAddress& address : node.addresses) {
      step.changes.push_back(AddNeighbour{kRouterUplink, address, node_mac(node)});
    }
  }
  for (const model::OutsideHost& host : cluster.outside.hosts) {
    for (const IpAddress& address : host.addresses) {
      step.changes.push_back(AddNeighbour{kRouterToOutside, address, outside_mac(host)});
      if (!model::default_ranges(address.family()).outside.contains(address)) {
        step.changes.push_back(
            AddRoute{Prefix(address, host_length(address)), std::nullopt, kRouterToOutside});
      }
    }
  }
  step.ruleset = ruleset::router_ruleset(cluster);
  return step;
}

Step outside_step(const model::Cluster& cluster, size_t index) {
  const model::OutsideHost& host = cluster.outside.hosts[index];
  Step step;
  step.ns = outside_id(host.name);
  step.makes_namespace = true;
  const bool has_ipv6 = std::any_of(host.addresses.begin(), host.addresses.end(),
                                    [](const IpAddress& a) { return a.family() == Family::IPv6; });
  step.sysctls = has_ipv6 ? ipv6_quiet() : ipv6_off();
  step.changes.push_back(AddVeth{kUnderlay, "outside" + std::to_string(index + 1),
                                 kOutsidePort + static_cast<int>(index), kOutsideBridge, "eth0", kHostLink,
                                 outside_mac(host), link_mtu(cluster)});
  step.changes.push_back(SetLink{kLoopback, true});
  step.changes.push_back(SetLink{kHostLink, true});
  std::set<Family> routed;
  for (const IpAddress& address : host.addresses) {
    step.changes.push_back(AddAddress{kHostLink, address, host_length(address)});
    if (!routed.insert(address.family()).second) {
      continue;
    }
    // As for pods: one neighbour, the router, whatever else is out there.
    const IpAddress router = model::router_outside_address(model::default_ranges(address.family()).outside);
    step.changes.push_back(AddNeighbour{kHostLink, router, router_mac(cluster)});
    step.changes.push_back(AddRoute{Prefix(router, host_length(router)), std::nullopt, kHostLink});
    step.changes.push_back(AddRoute{Prefix(IpAddress::any(address.family()), 0), router, kHostLink});
  }
  return step;
}

}  // namespace labctl::plan
