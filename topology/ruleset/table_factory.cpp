#include "topology/ruleset/table_factory.hpp"

#include "topology/ruleset/kube_proxy.hpp"
#include "topology/ruleset/service_maps.hpp"

namespace labctl::ruleset {

std::unique_ptr<NodeTable> make_node_table(const model::Cluster& cluster, const model::Node& node) {
  if (cluster.dataplane == model::Dataplane::KubeProxyNftables) {
    return std::make_unique<KubeProxyTable>(
        KubeProxyNode{cluster.network.pod_cidrs, node.pod_cidrs, node.addresses});
  }
  return std::make_unique<ServiceMaps>(node.pod_cidrs, cluster.network.pod_cidrs);
}

std::unique_ptr<NodeTable> make_router_table(const model::Cluster& cluster) {
  return std::make_unique<ServiceMaps>(std::vector<Prefix>{}, cluster.network.pod_cidrs);
}

}  // namespace labctl::ruleset
