#pragma once

// From the Services and EndpointSlices in the store to what every node does with their packets, and the
// router: data path, routes to load balancer addresses, health checks. Looks only at what changed.
//
//   store --changes--> dirty Services --topology/service--> programs --topology/apply--> kernel
//
// Threads: the main loop's.

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
  ~ServiceProxy();
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

  // The built-in server's place in a node: what a node itself answers is started there. After open().
  server::PodId server_of(std::size_t node);

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
    bool takes_balanced_traffic = true;  // not excluded from external load balancers
    std::optional<apply::ServiceTable> table;
    std::optional<server::PodId> server;
  };
  struct HealthCheck {
    server::ContainerId server = 0;
    std::uint16_t port = 0;
    std::size_t ready = 0;
  };
  void note(const store::Change& change);
  void note_slice(const store::Change& change);
  void read_nodes();
  void update(const model::ServiceKey& key);
  void queue_programs(const Known& known);
  void queue_router(const Known& known);
  std::map<IpAddress, std::vector<IpAddress>> wanted_routes(const Known& known,
                                                            const std::vector<IpAddress>& nodes) const;
  std::vector<IpAddress> balanced_nodes(const Known& known) const;
  void update_health(const Known& known);
  void start_health(std::size_t node, const model::ServiceKey& key, HealthCheck& check);
  UdpEndpoints udp_endpoints(const Known& known) const;
  std::vector<service::Vip> vips_of(const model::Service& service, const model::ServicePort& port) const;
  std::vector<std::pair<std::string, apply::ServiceTable*>> tables();
  void commit();

  store::Store& store_;
  const model::Cluster& cluster_;
  apply::Fabric& fabric_;
  server::Server& server_;

  std::map<model::ServiceKey, Known> known_;
  std::map<store::Key, model::ServiceKey> slice_owner_;
  std::set<model::ServiceKey> dirty_;
  bool are_nodes_dirty_ = true;
  bool are_host_ports_dirty_ = false;
  std::map<model::PodKey, std::pair<std::size_t, service::NodeProgram>> host_ports_;

  std::vector<NodeState> nodes_;
  std::optional<apply::ServiceTable> router_;
  std::map<IpAddress, std::vector<IpAddress>> routes_;            // of load balancer addresses, to nodes
  std::map<model::ServiceKey, std::vector<IpAddress>> balanced_;  // which of them are a Service's
  std::map<std::pair<model::ServiceKey, std::size_t>, HealthCheck> health_;
  std::vector<apply::UdpFlows> stale_;
  std::vector<plan::LinkChange> route_changes_;
  OnService on_service_;
  store::Store::Subscription subscription_;
};

}  // namespace labctl::dataplane
