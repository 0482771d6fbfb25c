#pragma once

// The steps that make a lab's network from its Cluster: underlay, router, nodes, outside hosts, and pods.
//
//   outside hosts --- outside0 --- [router] --- under0 --- [node] cbr0 --- pod
//
// Pods have a /32 and one route, to the gateway on cbr0: a pod needs one neighbour entry whatever the size of
// the lab, and pods of one node meet at the node, where rules see them. See README.md of this room.
//
// Preconditions: the cluster went through give_out_addresses().

#include "topology/model/cluster.hpp"
#include "topology/model/pod.hpp"
#include "topology/plan/step.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace labctl::plan {

// Well-known indexes inside a node, a pod, and the router.
inline constexpr int kNodeBridge = 2;  // cbr0
inline constexpr int kNodeUplink = 3;  // eth0
inline constexpr int kNodeVxlan = 4;   // vxlan0
inline constexpr int kPodLink = 2;     // eth0 of a pod
inline constexpr int kFirstPodPort = 10;
inline constexpr int kRouterUplink = 2;  // the router's eth0, to the nodes

// The kernel's BR_MAX_PORTS is 1,024, the first of them unusable.
inline constexpr int kBridgePorts = 1023;

// Underlay, router, nodes and outside hosts, in the order they must be made. `bridge_ports` caps the ports of
// one underlay bridge; more nodes than that get more bridges, joined by veth trunks.
std::vector<Step> plan_fabric(const model::Cluster& cluster, int bridge_ports = kBridgePorts);

// One pod's place in the network. `number` is unique in the lab's life and names
// its link: "pod<number>" on the node.
struct PodSlot {
  NamespaceId id;   // "pod/default/web-0"
  size_t node = 0;  // index into Cluster::nodes
  std::vector<IpAddress> addresses;
  std::uint32_t number = 0;
  bool operator==(const PodSlot&) const = default;
};

// A step for each pod, then one for each node concerned (its pods' neighbours).
std::vector<Step> plan_pods(const model::Cluster& cluster, std::span<const PodSlot> pods);

// What undoes plan_pods in the nodes: the ports go down at once and the neighbours go. The pods' namespaces
// are then dropped, and the kernel frees the links in its own time.
std::vector<Step> plan_pod_removal(const model::Cluster& cluster, std::span<const PodSlot> pods);

// The name of the node's end of a pod's veth.
std::string pod_port_name(std::uint32_t number);
// The MTU of a pod's eth0: the underlay's, less what VXLAN needs.
int pod_mtu(const model::Cluster& cluster);

// Vantage ids.
NamespaceId pod_id(const model::PodKey& key);
NamespaceId node_id(const std::string& name);
NamespaceId outside_id(const std::string& name);

}  // namespace labctl::plan
