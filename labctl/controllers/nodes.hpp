#pragma once

// The nodes and namespaces of a lab as objects, from its Cluster.

#include "topology/model/cluster.hpp"

#include <cstddef>

namespace labctl::store {
class Store;
}

namespace labctl::controllers {

// A node holds at most this many pods, whatever its pod CIDR: a /16 would promise more than a host can carry.
inline constexpr std::size_t kPodsPerNode = 1'000;

// How many pods fit on a node: the addresses of its smallest pod CIDR but network, gateway and (IPv4)
// broadcast, at most kPodsPerNode.
std::size_t pod_capacity(const model::Node& node);

// Creates or updates the Node objects (addresses, podCIDRs, Ready, allocatable pods, the labels
// kubernetes.io/hostname, kubernetes.io/os and the Cluster's own) and the Namespaces default, kube-system,
// kube-public and kube-node-lease. Labels that users gave a node at run time stay.
void sync_nodes(store::Store& store, const model::Cluster& cluster);

}  // namespace labctl::controllers
