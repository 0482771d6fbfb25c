#pragma once

// The nftables text of a node: one table, `inet labctl`, and nothing else is ever touched. See nft(8); the
// rules are those of the network model (§1.5).
//
//   postrouting (srcnat)   pod -> anywhere but pods and nodes: masquerade

#include "topology/model/cluster.hpp"

#include <string>

namespace labctl::ruleset {

// The table's name, also the mark of ownership.
inline constexpr const char* kTable = "labctl";

// The ruleset a node starts with, as nft text that replaces nothing: the namespace is new.
std::string node_ruleset(const model::Cluster& cluster);

}  // namespace labctl::ruleset
