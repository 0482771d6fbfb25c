#pragma once

// What one node does with the packets of one Service: network model §7.1 (what matches), §7.2 (verdicts),
// §7.3 (masquerade), §8 (policies), §10 and §11. Pure: how it becomes nftables is the room ruleset's.

#include "topology/model/cluster.hpp"
#include "topology/model/pod.hpp"
#include "topology/model/service.hpp"
#include "topology/service/backends.hpp"

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace labctl::service {

// The key of a packet's first lookup. A ClusterIP and its port, a node's address and a NodePort, ...
struct Vip {
  IpAddress address;
  model::Protocol protocol = model::Protocol::Tcp;
  std::uint16_t port = 0;
  auto operator<=>(const Vip&) const = default;
};
std::string to_string(const Vip& vip);

// How a packet to a Vip is treated when there is something to send it to.
enum class Traffic {
  Internal,         // ClusterIP: masqueraded unless it comes from a pod
  ExternalCluster,  // always masqueraded
  ExternalLocal,    // pods and this host: any endpoint; others: those of this node, source kept, or dropped
  HostPort,         // masqueraded only from a loopback address
};

enum class Verdict { Balance, Reject, Drop };

struct Entry {
  Vip vip;
  Verdict verdict = Verdict::Reject;
  Traffic traffic = Traffic::Internal;
  std::vector<Backend> backends;      // Balance: uniformly at random
  std::vector<Backend> local;         // ExternalLocal: for packets from outside; none: those are dropped
  std::vector<Prefix> source_ranges;  // others are dropped; empty: everyone
  bool is_own = false;                // `backends` are those of this node: internalTrafficPolicy Local
  bool operator==(const Entry&) const = default;
};

// One Service port in one family, or one hostPort.
struct PortProgram {
  std::string name;  // of the object and port: "svc default/web:http", "hostPort default/web-0"
  std::chrono::seconds affinity_timeout{0};
  std::vector<Entry> entries;
  bool operator==(const PortProgram&) const = default;
};

struct NodeProgram {
  std::vector<PortProgram> ports;
  // On which an undefined port or protocol is rejected.
  std::vector<IpAddress> cluster_ips;
  bool operator==(const NodeProgram&) const = default;
};

// A node as programs need it.
struct ProgramNode {
  Viewer viewer;
  std::vector<IpAddress> addresses;  // which answer on NodePorts: the primary one of each family
};

// What `node` does for `service`; nothing for headless, ExternalName and ignored Services.
NodeProgram node_program(const model::Service& service, std::span<const model::EndpointSlice* const> slices,
                         const ProgramNode& node);

// What `node` does for the hostPorts of a pod on it that has its own network. Without hostIP, or with
// 0.0.0.0 or ::, all of `addresses` answer and so does 127.0.0.1.
NodeProgram host_port_program(const model::Pod& pod, const std::vector<IpAddress>& addresses);

// What the router does for addresses of the mode Proxy: it ends in their stead, and dials the NodePort of a
// node that is fit to get traffic. `nodes` are the fit nodes' addresses.
NodeProgram router_program(const model::Service& service, std::span<const IpAddress> nodes);

// "svc default/web:http"; without a name the port's number.
std::string port_label(const model::Service& service, const model::ServicePort& port);

}  // namespace labctl::service
