#include "topology/model/pod_capacity.hpp"

#include "topology/base/quantity.hpp"

#include <algorithm>

namespace labctl::model {
namespace {

constexpr std::uint64_t kReplicasBeyondRoom = 1'000;

}  // namespace

std::uint64_t usable_addresses(const Prefix& pod_cidr) {
  const std::uint64_t reserved = pod_cidr.family() == Family::IPv4 ? 3 : 2;
  return pod_cidr.size() > reserved ? pod_cidr.size() - reserved : 0;
}

std::uint64_t pod_capacity(const Node& node) {
  std::uint64_t capacity = node.pod_cidrs.empty() ? 0 : kPodsPerNode;
  for (const Prefix& prefix : node.pod_cidrs) {
    capacity = std::min(capacity, usable_addresses(prefix));
  }
  if (const auto own = node.capacity.find("pods"); own != node.capacity.end()) {
    const std::int64_t pods = parse_quantity(own->second).value_or(0);
    capacity = std::min(capacity, static_cast<std::uint64_t>(std::max<std::int64_t>(pods, 0)));
  }
  return capacity;
}

std::map<std::string, std::string> node_resources(const Node& node) {
  std::map<std::string, std::string> resources = node.capacity;
  resources.emplace("cpu", kCpuOfNode);
  resources.emplace("memory", kMemoryOfNode);
  resources.emplace("ephemeral-storage", kStorageOfNode);
  resources["pods"] = std::to_string(pod_capacity(node));
  return resources;
}

std::uint64_t pod_capacity(const Cluster& cluster) {
  std::uint64_t capacity = 0;
  for (Node node : cluster.nodes) {
    for (const Prefix& range : cluster.network.pod_cidrs) {
      const bool has_its_own = std::any_of(node.pod_cidrs.begin(), node.pod_cidrs.end(),
                                           [&](const Prefix& own) { return own.family() == range.family(); });
      const int length = std::max(default_ranges(range.family()).node_pod_prefix_length, range.length());
      // All parts of a range are of one size: the first stands for the one that it will be.
      if (const auto part = has_its_own ? std::nullopt : range.subnet(length, 0)) {
        node.pod_cidrs.push_back(*part);
      }
    }
    capacity += pod_capacity(node);
  }
  return capacity;
}

std::optional<ReplicasComplaint> check_replicas(std::int64_t replicas, std::uint64_t capacity) {
  const std::uint64_t most = replicas_max(capacity);
  if (replicas <= static_cast<std::int64_t>(most)) {
    return std::nullopt;
  }
  return ReplicasComplaint{
      std::to_string(replicas) + ": this Cluster has addresses for " + std::to_string(capacity) + " pods",
      "pods beyond that wait for room; at most " + std::to_string(most) + " may be asked for"};
}

std::uint64_t replicas_max(std::uint64_t capacity) {
  return std::min(2 * capacity + kReplicasBeyondRoom, kPodsPerLab);
}

}  // namespace labctl::model
