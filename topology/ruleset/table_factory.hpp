#pragma once

// Which layout of the nftables table a node has, by the cluster's `dataplane`.

#include "topology/model/cluster.hpp"
#include "topology/ruleset/node_table.hpp"

#include <memory>

namespace labctl::ruleset {

// For the table that node_ruleset() declares. Precondition: `node` has its addresses.
std::unique_ptr<NodeTable> make_node_table(const model::Cluster& cluster, const model::Node& node);

// For the table that router_ruleset() declares: always the layout `maps`.
std::unique_ptr<NodeTable> make_router_table(const model::Cluster& cluster);

}  // namespace labctl::ruleset
