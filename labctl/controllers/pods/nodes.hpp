#pragma once

// The nodes and namespaces of a lab as objects, from its Cluster.

#include "topology/model/pod_capacity.hpp"

#include <cstddef>

namespace labctl::store {
class Store;
}

namespace labctl::controllers {

inline constexpr std::size_t kPodsPerNode = model::kPodsPerNode;
inline constexpr std::size_t kPodsPerLab = model::kPodsPerLab;

// Creates or updates the Node objects (addresses, podCIDRs, Ready, capacity, the labels
// that every node has and the Cluster's own) and the Namespaces default, kube-system,
// kube-public and kube-node-lease. Taints of the Cluster are set when
// a node is created. Labels and taints that users gave a node at run time stay.
void sync_nodes(store::Store& store, const model::Cluster& cluster);
// Of these Namespaces those that are not there.
void sync_born_namespaces(store::Store& store);

}  // namespace labctl::controllers
