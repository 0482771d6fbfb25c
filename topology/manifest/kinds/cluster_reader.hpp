#pragma once

// The spec of a Cluster, its fields sound by kClusterSpec, to model::Cluster with every default
// filled in; and the rules that span fields: ranges that must not overlap, families, room for
// the nodes, names and addresses used twice.

#include "topology/manifest/yaml/findings.hpp"
#include "topology/manifest/yaml/text_format.hpp"
#include "topology/model/cluster.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace labctl::manifest {

// Words of spec.network.mode and spec.dataplane.
inline constexpr std::array<std::string_view, 2> kNetworkModes{"routed", "vxlan"};
inline constexpr std::array<std::string_view, 2> kDataplanes{"maps", "kube-proxy-nftables"};

// Why a store must not be asked unless the command line allows it: it is not on this host, and the requests leave
// from the host's own network. `store` is sound; nothing: it may.
std::optional<Complaint> check_store_is_here(std::string_view store);

// One host has room for a thousand namespaces of nodes, and the underlay bridge for 1,024 ports.
inline constexpr int kNodesMax = 1000;

// `spec` may be absent: then the default Cluster. What is wrong is in `findings`; the result is then only
// good for looking up names.
model::Cluster read_cluster(const Place& spec, std::string name, Findings& findings);

}  // namespace labctl::manifest
