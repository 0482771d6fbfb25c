#pragma once

// The health checks that nodes answer, for balancers outside that ask which of them have endpoints of a
// Service (network model §8.4): 200 from a node with a ready endpoint, else 503.
//
// Threads: the main loop's.

#include "labctl/dataplane/node_servers.hpp"
#include "probes/server/server.hpp"
#include "topology/model/cluster.hpp"
#include "topology/model/service.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>

namespace labctl::dataplane {

class HealthChecks {
 public:
  // All must outlive this.
  HealthChecks(const model::Cluster& cluster, NodeServers& nodes, server::Server& server)
      : cluster_(cluster), nodes_(nodes), server_(server) {}

  // What `service` wants from now on: nothing without a health check port. A port that is in use on a node is
  // logged, and tried again when the node's answer changes.
  void set(const model::Service& service, std::span<const model::EndpointSlice* const> slices);
  void remove(const model::ServiceKey& service);

 private:
  struct Check {
    server::ContainerId server = 0;
    std::uint16_t port = 0;
    std::size_t ready = 0;
  };
  // A Service's on a node.
  using Place = std::pair<model::ServiceKey, std::size_t>;

  void set(const Place& place, std::uint16_t port, std::size_t ready);
  void start(const Place& place, Check& check);

  const model::Cluster& cluster_;
  NodeServers& nodes_;
  server::Server& server_;
  std::map<Place, Check> checks_;
};

}  // namespace labctl::dataplane
