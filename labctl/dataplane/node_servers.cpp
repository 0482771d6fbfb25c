#include "labctl/dataplane/node_servers.hpp"

#include "topology/plan/fabric.hpp"

#include <utility>

namespace labctl::dataplane {

NodeServers::NodeServers(const model::Cluster& cluster, const apply::Fabric& fabric, server::Server& server)
    : cluster_(cluster), fabric_(fabric), server_(server), servers_(cluster.nodes.size()) {}

NodeServers::~NodeServers() {
  for (const std::optional<server::PodId>& one : servers_) {
    if (one) {
      server_.remove_pod(*one);
    }
  }
}

server::PodId NodeServers::of(std::size_t node) {
  std::optional<server::PodId>& known = servers_.at(node);
  if (!known) {
    const model::Node& which = cluster_.nodes[node];
    server::Identity identity;
    identity.id = plan::node_id(which.name);
    identity.hostname = which.name;
    identity.name = which.name;
    identity.addresses = which.addresses;
    identity.netns_fd = fabric_.namespace_fd(identity.id);
    known = server_.add_pod(std::move(identity));
  }
  return *known;
}

}  // namespace labctl::dataplane
