#include "topology/model/cluster.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace labctl::model {
namespace {

DefaultRanges ranges(const char* node, const char* pod, const char* service, const char* load_balancer,
                     const char* outside, int node_pod_prefix_length) {
  return {*Prefix::parse(node),          *Prefix::parse(pod),     *Prefix::parse(service),
          *Prefix::parse(load_balancer), *Prefix::parse(outside), node_pod_prefix_length};
}

}  // namespace

bool Cluster::has_family(Family family) const {
  return std::find(families.begin(), families.end(), family) != families.end();
}

const DefaultRanges& default_ranges(Family family) {
  static const DefaultRanges v4 =
      ranges("192.168.50.0/24", "10.244.0.0/16", "10.96.0.0/16", "203.0.113.0/24", "198.51.100.0/24", 24);
  static const DefaultRanges v6 = ranges("fd00:192:168:50::/64", "fd00:10:244::/56", "fd00:10:96::/112",
                                         "2001:db8:113::/64", "2001:db8:51::/64", 64);
  return family == Family::IPv4 ? v4 : v6;
}

IpAddress router_node_address(const Prefix& node_cidr) {
  return node_cidr.address().plus(node_cidr.size() - 2);
}

IpAddress router_outside_address(const Prefix& outside) { return outside.address().plus(1); }

std::vector<IpAddress> outside_dns_addresses(const Cluster& cluster) {
  constexpr std::uint64_t kFirst = 53;
  std::vector<IpAddress> addresses;
  if (!cluster.dns.enabled) {
    return addresses;
  }
  std::set<IpAddress> taken;
  for (const OutsideHost& host : cluster.outside.hosts) {
    taken.insert(host.addresses.begin(), host.addresses.end());
  }
  for (const Family family : cluster.families) {
    std::uint64_t number = kFirst;
    while (taken.contains(default_ranges(family).outside.address().plus(number))) {
      ++number;
    }
    addresses.push_back(default_ranges(family).outside.address().plus(number));
  }
  return addresses;
}

Cluster default_cluster(std::string name) {
  Cluster cluster;
  cluster.name = std::move(name);
  const DefaultRanges& defaults = default_ranges(Family::IPv4);
  cluster.nodes = {Node{"node-1", {}, {}, {}}, Node{"node-2", {}, {}, {}}};
  cluster.network.node_cidrs = {defaults.node};
  cluster.network.pod_cidrs = {defaults.pod};
  cluster.network.service_cidrs = {defaults.service};
  cluster.network.load_balancer_cidrs = {defaults.load_balancer};
  cluster.outside.hosts = {
      OutsideHost{"client", {defaults.outside.address().plus(10)}, {}},
      OutsideHost{"www", {defaults.outside.address().plus(80)}, {OutsidePort{80, Protocol::Tcp}}}};
  return cluster;
}

}  // namespace labctl::model
