#pragma once

// Parts of a Cluster's spec that stand beside its ranges and nodes: the outside hosts, DNS and the links.

#include "topology/manifest/yaml/findings.hpp"
#include "topology/model/cluster.hpp"

#include <optional>
#include <vector>

namespace labctl::manifest {

// A range of the cluster, and where the user gave it, if so.
struct NamedRange {
  const char* field;  // "podCIDRs"
  Prefix prefix;
  std::optional<Place> given;
};

// The network address, and in IPv4 the broadcast address.
bool is_edge_address(const Prefix& range, const IpAddress& address);

// The hosts of `outside` (may be absent: client and www, in each family of the cluster);
// none may have an address inside `ranges`.
void read_outside(const Place& outside, const std::vector<NamedRange>& ranges, model::Cluster& cluster,
                  Findings& findings);

// `dns` and outside.dns; each may be absent. The families and outside hosts are read already.
void read_dns(const Place& dns, const Place& outside, model::Cluster& cluster, Findings& findings);

// `links` may be absent. The nodes of the cluster are read already.
void read_links(const Place& links, model::Cluster& cluster, Findings& findings);

}  // namespace labctl::manifest
