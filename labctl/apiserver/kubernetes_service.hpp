#pragma once

// The Service that every cluster has: kubernetes in default, with an endpoint on the first
// node (network model §5.2).

#include "probes/server/role.hpp"
#include "topology/model/cluster.hpp"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace labctl::store {
class Store;
}

namespace labctl::apiserver {

// Where the API server's stand-in listens on the first node.
inline constexpr std::uint16_t kApiServerPort = 6443;

// What is missing of it in the store, in the order in which to create it: the Service, which asks for the
// first address of each service range and is otherwise complete; its EndpointSlices, "kubernetes" and for a
// second family "kubernetes-ipv6" (or -ipv4); the Endpoints object of old, not to be mirrored. Nothing is
// written: the Service is for admission to allocate. Empty for a cluster without nodes or service ranges.
// Precondition: nodes have addresses.
std::vector<nlohmann::json> ensure_kubernetes_service(const store::Store& store,
                                                      const model::Cluster& cluster);

// What that endpoint answers: the API of a lab is not served over the network (yet).
server::Role api_stand_in();

}  // namespace labctl::apiserver
