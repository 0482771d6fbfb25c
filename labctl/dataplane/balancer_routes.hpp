#pragma once

// How what comes from outside finds a node (network model §10.2): the router's routes to load balancer
// addresses, and its own table for addresses of the mode Proxy.
//
// Threads: the main loop's.

#include "topology/apply/fabric.hpp"
#include "topology/apply/service_table.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/model/cluster.hpp"
#include "topology/model/service.hpp"
#include "topology/plan/step.hpp"

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace labctl::dataplane {

// A node as a balancer outside sees it.
struct BalancedNode {
  std::string name;
  std::vector<IpAddress> addresses;
  bool takes_traffic = true;  // ready, and not excluded from external load balancers
};

// The addresses of those that a balancer outside sends to: with a ready endpoint of their own if the policy
// is Local. When none is fit, all that take traffic: then the nodes themselves say what becomes of a packet.
std::vector<IpAddress> fit_nodes(const model::Service& service,
                                 std::span<const model::EndpointSlice* const> slices,
                                 std::span<const BalancedNode> nodes);

class BalancerRoutes {
 public:
  // Once the router is there. Both must outlive this. Throws Error.
  BalancerRoutes(const model::Cluster& cluster, apply::Fabric& fabric);

  // A node by its place in the cluster. Counts for Services that are set from now on.
  void set_takes_traffic(std::size_t node, bool takes_traffic) { nodes_[node].takes_traffic = takes_traffic; }

  // Brought to the kernel by commit(), and the table's part by whoever commits table().
  void set(const model::Service& service, std::span<const model::EndpointSlice* const> slices);
  void remove(const model::ServiceKey& service);
  // What the router refuses is logged.
  void commit();

  apply::ServiceTable& table() { return table_; }

 private:
  using NodeAddresses = std::vector<IpAddress>;
  void set_routes(const model::ServiceKey& service, const std::map<IpAddress, NodeAddresses>& wanted);

  apply::Fabric& fabric_;
  std::vector<BalancedNode> nodes_;  // as the cluster's
  apply::ServiceTable table_;
  std::map<IpAddress, NodeAddresses> routes_;                     // of load balancer addresses
  std::map<model::ServiceKey, std::vector<IpAddress>> balanced_;  // which of them are a Service's
  std::vector<plan::LinkChange> changes_;
};

}  // namespace labctl::dataplane
