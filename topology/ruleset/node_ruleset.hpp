#pragma once

// The nftables text of nodes and router: one table, `inet labctl`, and nothing else is ever
// touched. See nft(8); the rules are those of the network model (§1.5, §7). What Services put
// into it is in services/service_layout.hpp.
//
//   prerouting, output (nat)   first packets: to Services (chain services)
//   input, postrouting (nat)   clients remembered; masquerade: marked ones, a pod to itself, pods to outside
//   forward (filter)           packets of no connection are dropped
//   loopback (filter)          others' packets to 127.0.0.0/8 are dropped
//   no-route (filter)          on the router: anyone to pods or Services has no route

#include "topology/model/cluster.hpp"

#include <string>

namespace labctl::ruleset {

// The table's name, also the mark of ownership.
inline constexpr const char* kTable = "labctl";

// The ruleset a node starts with, as nft text that replaces nothing: the namespace is new.
std::string node_ruleset(const model::Cluster& cluster);

// The router's: it has no route to pods and Services, and says so to everyone who asks. Without the rule the
// kernel's own answer to a missing route is held to one a second for each sender, by a setting that no
// namespace can change (net.ipv4.route.error_cost), and silence would look like loss.
std::string router_ruleset(const model::Cluster& cluster);

}  // namespace labctl::ruleset
