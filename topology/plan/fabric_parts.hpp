#pragma once

// What the parts of the fabric's plan share: link-layer addresses, indexes in the
// underlay, sysctls. Internal to the room.

#include "topology/model/cluster.hpp"
#include "topology/plan/step.hpp"

#include <vector>

namespace labctl::plan {

// Indexes in the capsule's own namespace.
inline constexpr int kOutsideBridge = 2;
inline constexpr int kRouterNodePort = 3;
inline constexpr int kRouterOutsidePort = 4;
inline constexpr int kNodePort = 1000;
inline constexpr int kOutsidePort = 1000000;
int underlay_bridge(int number);

// The range of `ranges` with the address's family. Precondition: there is one.
const Prefix& range_of(const std::vector<Prefix>& ranges, const IpAddress& address);

MacAddress node_mac(const model::Node& node);
MacAddress gateway_mac(const model::Node& node);
MacAddress vxlan_mac(const model::Node& node);
// Of the router's end on the underlay and on the outside network: one address serves both.
MacAddress router_mac(const model::Cluster& cluster);
MacAddress outside_mac(const model::OutsideHost& host);

// The MTU attribute of underlay links: 0 (leave the default) for 1,500.
int link_mtu(const model::Cluster& cluster);

// IPv6 switched off before the first link exists: no multicast neighbours in the host-wide table.
std::vector<Sysctl> ipv6_off();
// IPv6 without what a fully planned network has no use for: link-local addresses, router solicitations.
std::vector<Sysctl> ipv6_quiet();
// A namespace that forwards: nodes and the router.
std::vector<Sysctl> forwarding_sysctls(bool has_ipv6);

Step router_step(const model::Cluster& cluster);
Step outside_step(const model::Cluster& cluster, size_t index);

}  // namespace labctl::plan
