// Pods' places in the network, and their removal.

#include "topology/plan/address_plan.hpp"
#include "topology/plan/fabric.hpp"
#include "topology/plan/fabric_parts.hpp"

#include <map>

namespace labctl::plan {
namespace {

constexpr int kVxlanOverheadIpv4 = 50;
constexpr int kVxlanOverheadIpv6 = 70;

MacAddress pod_mac(const PodSlot& pod) { return MacAddress::derive(0, pod.addresses.front()); }
int pod_port(const PodSlot& pod) { return kFirstPodPort + static_cast<int>(pod.number); }
int host_length(Family family) { return family == Family::IPv4 ? 32 : 128; }

Step pod_step(const model::Cluster& cluster, const PodSlot& pod, const std::vector<Sysctl>& sysctls,
              int mtu) {
  const model::Node& node = cluster.nodes[pod.node];
  Step step;
  step.ns = pod.id;
  step.makes_namespace = true;
  step.sysctls = sysctls;
  step.changes.reserve(4 + 4 * pod.addresses.size());
  step.changes.push_back(AddVeth{node_id(node.name), pod_port_name(pod.number), pod_port(pod), kNodeBridge,
                                 "eth0", kPodLink, pod_mac(pod), mtu});
  step.changes.push_back(SetLink{kPodLink, true});
  step.changes.push_back(SetLink{1, true});
  for (const IpAddress& address : pod.addresses) {
    const IpAddress gateway = gateway_of(range_of(node.pod_cidrs, address));
    const int length = host_length(address.family());
    step.changes.push_back(AddAddress{kPodLink, address, length});
    step.changes.push_back(AddNeighbour{kPodLink, gateway, gateway_mac(node)});
    step.changes.push_back(AddRoute{Prefix(gateway, length), std::nullopt, kPodLink});
    step.changes.push_back(AddRoute{Prefix(IpAddress::any(address.family()), 0), gateway, kPodLink});
  }
  return step;
}

// One step a node, in node order.
template <typename Add>
void add_node_steps(const model::Cluster& cluster, std::span<const PodSlot> pods, std::vector<Step>& steps,
                    Add add) {
  std::map<size_t, Step> by_node;
  for (const PodSlot& pod : pods) {
    Step& step = by_node[pod.node];
    step.ns = node_id(cluster.nodes[pod.node].name);
    add(step, pod);
  }
  for (auto& [node, step] : by_node) {
    steps.push_back(std::move(step));
  }
}

}  // namespace

std::string pod_port_name(std::uint32_t number) { return "pod" + std::to_string(number); }

int pod_mtu(const model::Cluster& cluster) {
  if (cluster.network.mode == model::NetworkMode::Routed) {
    return cluster.network.mtu;
  }
  const bool over_ipv6 = cluster.families.front() == Family::IPv6;
  return cluster.network.mtu - (over_ipv6 ? kVxlanOverheadIpv6 : kVxlanOverheadIpv4);
}

std::vector<Step> plan_pods(const model::Cluster& cluster, std::span<const PodSlot> pods) {
  const std::vector<Sysctl> sysctls = cluster.has_family(Family::IPv6) ? ipv6_quiet() : ipv6_off();
  const int mtu = pod_mtu(cluster) == 1500 ? 0 : pod_mtu(cluster);
  std::vector<Step> steps;
  steps.reserve(pods.size() + cluster.nodes.size());
  for (const PodSlot& pod : pods) {
    steps.push_back(pod_step(cluster, pod, sysctls, mtu));
  }
  add_node_steps(cluster, pods, steps, [](Step& step, const PodSlot& pod) {
    for (const IpAddress& address : pod.addresses) {
      step.changes.push_back(AddNeighbour{kNodeBridge, address, pod_mac(pod)});
    }
  });
  return steps;
}

std::vector<Step> plan_pod_removal(const model::Cluster& cluster, std::span<const PodSlot> pods) {
  std::vector<Step> steps;
  add_node_steps(cluster, pods, steps, [](Step& step, const PodSlot& pod) {
    step.changes.push_back(SetLink{pod_port(pod), false});
    for (const IpAddress& address : pod.addresses) {
      step.changes.push_back(DeleteNeighbour{kNodeBridge, address});
    }
  });
  return steps;
}

}  // namespace labctl::plan
