#include "topology/ruleset/services/layout_factory.hpp"

#include "topology/ruleset/services/kube_proxy.hpp"
#include "topology/ruleset/services/service_maps.hpp"

namespace labctl::ruleset {

std::unique_ptr<ServiceLayout> make_node_layout(const model::Cluster& cluster, const model::Node& node) {
  if (cluster.dataplane == model::Dataplane::KubeProxyNftables) {
    return std::make_unique<KubeProxyTable>(
        KubeProxyNode{cluster.network.pod_cidrs, node.pod_cidrs, node.addresses});
  }
  return std::make_unique<ServiceMaps>(node.pod_cidrs, cluster.network.pod_cidrs);
}

std::unique_ptr<ServiceLayout> make_router_layout(const model::Cluster& cluster) {
  return std::make_unique<ServiceMaps>(std::vector<Prefix>{}, cluster.network.pod_cidrs);
}

}  // namespace labctl::ruleset
