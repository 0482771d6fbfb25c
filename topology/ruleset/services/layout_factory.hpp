#pragma once

// Which layout of the nftables table a node has, by the cluster's `dataplane`.

#include "topology/model/cluster.hpp"
#include "topology/ruleset/services/service_layout.hpp"

#include <memory>

namespace labctl::ruleset {

// For the table that node_ruleset() declares. Precondition: `node` has its addresses.
std::unique_ptr<ServiceLayout> make_node_layout(const model::Cluster& cluster, const model::Node& node);

// For the table that router_ruleset() declares: always the layout `maps`.
std::unique_ptr<ServiceLayout> make_router_layout(const model::Cluster& cluster);

}  // namespace labctl::ruleset
