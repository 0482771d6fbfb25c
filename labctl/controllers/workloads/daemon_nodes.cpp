#include "labctl/controllers/workloads/daemon_nodes.hpp"

#include "labctl/controllers/scheduling/node_affinity.hpp"
#include "labctl/controllers/scheduling/taints.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/store/selectors.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;

void add_daemon_tolerations(json& pod) {
  json& tolerations = pod["spec"]["tolerations"];
  if (!tolerations.is_array()) {
    tolerations = json::array();
  }
  for (json& added : daemon_tolerations(objects::is_true_at(pod, "spec.hostNetwork"))) {
    if (std::find(tolerations.begin(), tolerations.end(), added) == tolerations.end()) {
      tolerations.push_back(std::move(added));
    }
  }
}

}  // namespace

DaemonNodes daemon_nodes(const Work& work, const json& pod_template) {
  const std::string& named = objects::text_at(pod_template, "spec.nodeName");
  const NodeAffinity affinity = node_affinity_of(pod_template);
  json pod = pod_template;
  add_daemon_tolerations(pod);
  const std::vector<Toleration> tolerations = tolerations_of(pod);
  DaemonNodes nodes;
  for (const model::Node& node : work.cluster.nodes) {
    const store::ObjectPtr object = work.store.find({"nodes", "", node.name});
    if (object == nullptr || (!named.empty() && named != node.name) ||
        !affinity.fits(node.name, store::labels_of(*object))) {
      continue;
    }
    const std::vector<model::Taint> taints = effective_taints_of(*object);
    if (untolerated(taints, tolerations, {kNoSchedule, kNoExecute}) == nullptr) {
      nodes.wanted.push_back(node.name);
    }
    if (untolerated(taints, tolerations, {kNoExecute}) == nullptr) {
      nodes.kept.insert(node.name);
    }
  }
  return nodes;
}

void bind_daemon_pod(json& pod, const std::string& node) {
  json& spec = pod["spec"];
  spec["affinity"] = with_node_name(spec.value("affinity", json()), node);
  add_daemon_tolerations(pod);
}

}  // namespace labctl::controllers
