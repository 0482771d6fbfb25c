#pragma once

// From the Services and EndpointSlices in the store to what every node does with their packets. Looks only at
// what changed, and tells whoever else follows a Service: the router's routes, the nodes' health checks, and
// the name servers.
//
//   store --changes--> dirty Services --topology/service--> programs --topology/apply--> kernel
//                          |
//                          +--> BalancerRoutes, HealthChecks, on_service
//
// Threads: the main loop's.

#include "labctl/dataplane/balancer_routes.hpp"
#include "labctl/dataplane/health_checks.hpp"
#include "labctl/dataplane/node_servers.hpp"
#include "labctl/dataplane/udp_flows.hpp"
#include "labctl/store/store.hpp"
#include "probes/server/server.hpp"
#include "topology/apply/fabric.hpp"
#include "topology/apply/service_table.hpp"
#include "topology/model/cluster.hpp"
#include "topology/model/pod.hpp"
#include "topology/service/node_program.hpp"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace labctl::dataplane {

class ServiceProxy {
 public:
  // All must outlive this.
  ServiceProxy(store::Store& store, const model::Cluster& cluster, apply::Fabric& fabric,
               server::Server& server);
  ServiceProxy(const ServiceProxy&) = delete;
  ServiceProxy& operator=(const ServiceProxy&) = delete;

  // Called for each Service whose object or endpoints changed, once a turn;
  // `is_gone`: there is no such Service.
  using OnService = std::function<void(const model::Service& service,
                                       const std::vector<const model::EndpointSlice*>& slices, bool is_gone)>;
  void set_on_service(OnService on_service) { on_service_ = std::move(on_service); }

  // Once the nodes and the router are there. Throws Error.
  void open();

  // The hostPorts of a pod with its own network, from now until
  // release_host_ports(); brought to the kernel by sync().
  void claim_host_ports(const model::Pod& pod, std::size_t node);
  void release_host_ports(const model::PodKey& pod);

  // After open().
  NodeServers& node_servers() { return node_servers_; }

  // Acts on all that changed. What a node refuses is logged.
  void sync();
  // Ends the UDP flows that what changed ends: after sync(), and whatever else others wait for.
  void end_stale_flows();
  bool has_work() const { return !dirty_.empty() || are_host_ports_dirty_; }

  // What each node does for a Service: an array of {node, entries}. Throws Error NotFound.
  nlohmann::json describe(const model::ServiceKey& key) const;
  // Compares the tables of all nodes with what is wanted, as a restarted proxy
  // would; how many elements it mended.
  std::size_t resync();

 private:
  using Slices = std::vector<const model::EndpointSlice*>;
  struct Known {
    store::ObjectPtr object;  // null: not there, only its slices
    model::Service service;
    std::map<store::Key, model::EndpointSlice> slices;
    UdpEndpoints udp;

    bool is_gone() const { return object == nullptr; }
    Slices slice_list() const;
  };
  struct NodeState {
    service::ProgramNode program;
    std::optional<apply::ServiceTable> table;
  };
  void note(const store::Change& change);
  void note_slice(const store::Change& change);
  void read_nodes();
  void update(const model::ServiceKey& key);
  void queue_programs(const Known& known);
  void note_stale(std::vector<apply::UdpFlows> flows);
  UdpEndpoints udp_endpoints(const Known& known) const;
  std::vector<service::Vip> vips_of(const model::Service& service, const model::ServicePort& port) const;
  std::vector<std::pair<std::string, apply::ServiceTable*>> tables();
  void commit();

  store::Store& store_;
  const model::Cluster& cluster_;
  apply::Fabric& fabric_;

  std::map<model::ServiceKey, Known> known_;
  std::map<store::Key, model::ServiceKey> slice_owner_;
  std::set<model::ServiceKey> dirty_;
  bool are_nodes_dirty_ = true;
  bool are_host_ports_dirty_ = false;
  std::map<model::PodKey, std::pair<std::size_t, service::NodeProgram>> host_ports_;

  std::vector<NodeState> nodes_;
  NodeServers node_servers_;
  HealthChecks health_checks_;
  std::optional<BalancerRoutes> balancer_routes_;  // once open
  std::vector<apply::UdpFlows> stale_;
  OnService on_service_;
  store::Store::Subscription subscription_;
};

}  // namespace labctl::dataplane
