#pragma once

// How many pods a Cluster can carry, and how many may be asked of it.

#include "topology/model/cluster.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace labctl::model {

// A node holds at most this many pods, whatever its pod CIDR: a /16 would promise more than a host can carry.
inline constexpr std::uint64_t kPodsPerNode = 1'000;
// A lab has at most this many pods, with those that wait for room: each is some 20 kB, and every list and
// every round of the scheduler walks over those that wait. Four times what one host was seen to carry.
inline constexpr std::uint64_t kPodsPerLab = 20'000;

// What a node has when its Cluster does not say: enough for what is published for clusters, on nodes that are
// folders of one host, where nothing is reserved for anybody.
inline constexpr const char* kCpuOfNode = "4096";
inline constexpr const char* kMemoryOfNode = "16Ti";
inline constexpr const char* kStorageOfNode = "64Ti";
// Amounts of all resources of a node, pods included.
std::map<std::string, std::string> node_resources(const Node& node);

// The addresses of a pod CIDR but network, gateway and (IPv4) broadcast.
std::uint64_t usable_addresses(const Prefix& pod_cidr);
// The addresses of the node's smallest pod CIDR, at most kPodsPerNode and what its capacity says; 0 without
// one. hostNetwork pods count as others do.
std::uint64_t pod_capacity(const Node& node);
// Of all nodes, those included whose pod CIDRs are still to be given out.
std::uint64_t pod_capacity(const Cluster& cluster);

// Why one workload may not ask for so many replicas; nothing if it may. The most is twice what has room,
// since pods without room are a thing to test, and as many more as make that true of small Clusters.
struct ReplicasComplaint {
  std::string message;  // "1000000000: this Cluster has addresses for 762 pods"
  std::string hint;
};
std::optional<ReplicasComplaint> check_replicas(std::int64_t replicas, std::uint64_t capacity);
std::uint64_t replicas_max(std::uint64_t capacity);

}  // namespace labctl::model
