#pragma once

// Addresses given out: the same files give the same addresses.

#include "topology/model/cluster.hpp"

namespace labctl::plan {

// Fills the empty addresses and pod CIDRs of the cluster's nodes, a family at a time, in node order: node i
// (from 1) gets the address 10 + i of the node range and the i-th prefix (/24, IPv6 /64) of the pod range;
// addresses and prefixes that a node was given by hand are left out of the hand-out. Throws Error:
// InvalidInput when a range is too small.
model::Cluster give_out_addresses(model::Cluster cluster);

// The gateway of a node's pods: the first address of its pod CIDR.
IpAddress gateway_of(const Prefix& pod_cidr);

}  // namespace labctl::plan
