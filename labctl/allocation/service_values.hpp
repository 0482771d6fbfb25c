#pragma once

// What a Service holds of what is given out: its ClusterIPs, node ports and balancer addresses, and the pools
// in the allocations that each is of. Pure.

#include "topology/base/ip_address.hpp"
#include "topology/model/cluster.hpp"

#include <compare>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::store {
struct Key;
}

namespace labctl::allocation {

inline constexpr std::string_view kServices = "services";

enum class ValueKind { ClusterIp, NodePort, BalancerIp };

// One value of one pool: "services/10.96.0.0/16", "nodeports/30000-32767", "loadbalancers/203.0.113.0/24".
struct ServiceValue {
  ValueKind kind = ValueKind::ClusterIp;
  std::string pool;
  std::string value;  // an address as to_string writes it, a port in decimal
  auto operator<=>(const ServiceValue&) const = default;
};

// Who holds them: "svc/default/web".
std::string service_owner(const store::Key& service);

// The ranges of a cluster. Must not outlive the cluster.
class ServiceRanges {
 public:
  explicit ServiceRanges(const model::Cluster& cluster) : network_(cluster.network) {}

  // Null when the cluster has no such range.
  const Prefix* cluster_ips(Family family) const;
  const Prefix* balancer_ips(Family family) const;
  std::uint16_t node_port_first() const { return network_.node_port_first; }
  std::uint16_t node_port_last() const { return network_.node_port_last; }

  static std::string cluster_ip_pool(const Prefix& range) { return "services/" + to_string(range); }
  static std::string balancer_pool(const Prefix& range) { return "loadbalancers/" + to_string(range); }
  std::string node_port_pool() const;
  // All of them.
  std::vector<std::string> pools() const;

  // Sorted, each once. Addresses of a family that the cluster has no range of are left out, as are balancer
  // addresses out of the range, which are somebody else's; node ports and ClusterIPs out of range are not.
  std::vector<ServiceValue> values_of(const nlohmann::json& service) const;
  bool contains(const ServiceValue& value) const;

 private:
  void add_node_ports(const nlohmann::json& service, std::vector<ServiceValue>& values) const;
  void add_balancer_ips(const nlohmann::json& service, std::vector<ServiceValue>& values) const;

  const model::Network& network_;
};

// "ClusterIP" when unset.
std::string_view service_type(const nlohmann::json& service);
// clusterIP None.
bool is_headless(const nlohmann::json& service);
// Has, or will have, a ClusterIP or None: any type but ExternalName.
bool needs_cluster_ip(const nlohmann::json& service);
// NodePort or LoadBalancer.
bool may_have_node_ports(const nlohmann::json& service);
// And is given them without asking: not with allocateLoadBalancerNodePorts false.
bool needs_node_ports(const nlohmann::json& service);
// Of one of spec.ports: "TCP" when unset.
std::string_view protocol_of(const nlohmann::json& port);
// LoadBalancer with externalTrafficPolicy Local.
bool needs_health_check_port(const nlohmann::json& service);
// spec.clusterIPs, or clusterIP alone where that is all there is; "" are left out.
std::vector<std::string> cluster_ips_of(const nlohmann::json& service);

}  // namespace labctl::allocation
