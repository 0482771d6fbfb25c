#pragma once

// The built-in server's places in the nodes: what a node itself answers, not its pods, is started there. A
// node has one once somebody asks for it.
//
// Threads: the main loop's.

#include "probes/server/server.hpp"
#include "topology/apply/fabric.hpp"
#include "topology/model/cluster.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace labctl::dataplane {

class NodeServers {
 public:
  // All must outlive this.
  NodeServers(const model::Cluster& cluster, const apply::Fabric& fabric, server::Server& server);
  // What was started there ends.
  ~NodeServers();
  NodeServers(const NodeServers&) = delete;
  NodeServers& operator=(const NodeServers&) = delete;

  // Of a node by its place in the cluster. Throws Error NotFound while it has no network.
  server::PodId of(std::size_t node);

 private:
  const model::Cluster& cluster_;
  const apply::Fabric& fabric_;
  server::Server& server_;
  std::vector<std::optional<server::PodId>> servers_;  // as cluster_.nodes
};

}  // namespace labctl::dataplane
