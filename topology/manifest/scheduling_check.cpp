#include "topology/manifest/scheduling_check.hpp"

#include "topology/base/quantity.hpp"
#include "topology/manifest/yaml/tree_values.hpp"
#include "topology/model/node_affinity.hpp"
#include "topology/model/pod_capacity.hpp"
#include "topology/model/taints.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace labctl::manifest {
namespace {

constexpr const char* kPending = ", so the pods will stay Pending";
constexpr const char* kRequiredField = "requiredDuringSchedulingIgnoredDuringExecution";
using Nodes = std::vector<const model::Node*>;

std::vector<model::NodeRequirement> requirements_at(const Place& list) {
  std::vector<model::NodeRequirement> requirements;
  for (size_t i = 0; i < list.size(); ++i) {
    const Place item = list.item(i);
    requirements.push_back({std::string(item.field("key").text()), std::string(item.field("operator").text()),
                            texts_at(item.field("values"))});
  }
  return requirements;
}

model::NodeAffinity affinity_at(const Place& spec) {
  model::NodeAffinity affinity;
  affinity.selector = labels_at(spec.field("nodeSelector"));
  const Place whole = spec.field("affinity");
  const Place of_nodes = whole.field("nodeAffinity");
  const Place required = of_nodes.field(kRequiredField);
  if (required) {
    affinity.required.emplace();
    const Place terms = required.field("nodeSelectorTerms");
    for (size_t i = 0; i < terms.size(); ++i) {
      const Place term = terms.item(i);
      affinity.required->push_back(
          {requirements_at(term.field("matchExpressions")), requirements_at(term.field("matchFields"))});
    }
  }
  return affinity;
}

std::vector<model::Toleration> tolerations_at(const Place& list) {
  std::vector<model::Toleration> tolerations;
  for (size_t i = 0; i < list.size(); ++i) {
    const Place item = list.item(i);
    tolerations.push_back({std::string(item.field("key").text()),
                           std::string(item.field("operator").text()),
                           std::string(item.field("value").text()),
                           std::string(item.field("effect").text()),
                           {}});
  }
  return tolerations;
}

Nodes nodes_with_labels(const Place& spec, const KnownNodes& known, Findings& findings) {
  const model::NodeAffinity affinity = affinity_at(spec);
  Nodes fitting;
  bool is_selected = false;
  for (const model::Node& node : known.nodes) {
    is_selected = is_selected || std::includes(node.labels.begin(), node.labels.end(),
                                               affinity.selector.begin(), affinity.selector.end());
    if (affinity.fits(node.name, node.labels)) {
      fitting.push_back(&node);
    }
  }
  if (!is_selected) {
    findings.warning(
        spec.field("nodeSelector"), std::string("no node has these labels") + kPending,
        "label a node: nodes: [{name: NAME, labels: {KEY: VALUE}}] in the Cluster, or a Node object");
  } else if (fitting.empty()) {
    const Place whole = spec.field("affinity");
    findings.warning(whole.field("nodeAffinity"), std::string("no node fits") + kPending,
                     "label a node: nodes: [{name: NAME, labels: {KEY: VALUE}}] in the Cluster");
  }
  return fitting;
}

// Those of `nodes` that the pod may come to.
Nodes open_nodes(const Place& spec, const Nodes& nodes, Findings& findings) {
  const std::vector<model::Toleration> tolerations = tolerations_at(spec.field("tolerations"));
  Nodes open;
  std::string closed;
  for (const model::Node* node : nodes) {
    std::vector<model::Taint> taints = node->taints;
    if (node->is_unschedulable) {
      taints.push_back({"node.kubernetes.io/unschedulable", "", std::string(model::kNoSchedule)});
    }
    const model::Taint* taint =
        model::untolerated(taints, tolerations, {model::kNoSchedule, model::kNoExecute});
    if (taint == nullptr) {
      open.push_back(node);
    } else if (closed.empty()) {
      closed = node->name + " has {" + taint->key + ": " + taint->value + "}";
    }
  }
  if (open.empty() && !nodes.empty()) {
    findings.warning(
        spec,
        "every node that fits has a taint that is not tolerated" + std::string(kPending) + ": " + closed,
        "as in tolerations: [{key: KEY, operator: Exists}]");
  }
  return open;
}

// What the containers request together: the least that the pod needs. In thousandths.
std::map<std::string, std::int64_t> requests_at(const Place& spec) {
  std::map<std::string, std::int64_t> sums;
  const Place containers = spec.field("containers");
  for (size_t i = 0; i < containers.size(); ++i) {
    const Place container = containers.item(i);
    const Place resources = container.field("resources");
    const Place requests = resources.field("requests");
    for (size_t j = 0; requests && j < requests.node->entries.size(); ++j) {
      const YamlEntry& entry = requests.node->entries[j];
      sums[entry.key] += std::min(parse_milli_quantity(entry.value->text).value_or(0), INT64_MAX / 1'000);
    }
  }
  return sums;
}

void check_capacity_for(const Place& spec, const Nodes& nodes, Findings& findings) {
  const std::map<std::string, std::int64_t> wanted = requests_at(spec);
  std::string short_of;
  for (const model::Node* node : nodes) {
    const auto has = model::node_resources(*node);
    const auto lacks = [&](const auto& request) {
      const auto amount = has.find(request.first);
      return request.second > 0 &&
             (amount == has.end() || request.second > parse_milli_quantity(amount->second).value_or(0));
    };
    const auto lacking = std::find_if(wanted.begin(), wanted.end(), lacks);
    if (lacking == wanted.end()) {
      return;
    }
    short_of = short_of.empty() ? node->name + " has too little " + lacking->first : short_of;
  }
  if (!short_of.empty()) {
    findings.warning(spec.field("containers"),
                     "request together more than any node has" + std::string(kPending) + ": " + short_of,
                     "nodes: [{name: NAME, capacity: {cpu: \"8\"}}] in the Cluster");
  }
}

// Domains of the nodes by a label; a node without it is none.
std::set<std::string> domains_of(const Nodes& nodes, const std::string& key) {
  std::set<std::string> domains;
  for (const model::Node* node : nodes) {
    if (const auto label = node->labels.find(key); label != node->labels.end()) {
      domains.insert(label->second);
    }
  }
  return domains;
}

void check_has_domain(const Place& term, const Nodes& nodes, Findings& findings) {
  const Place key = term.field("topologyKey");
  if (key && domains_of(nodes, std::string(key.text())).empty()) {
    findings.warning(key, "no node that fits has the label " + in_quotes(key.text()) + kPending,
                     "label the nodes: nodes: [{name: NAME, labels: {KEY: VALUE}}] in the Cluster");
  }
}

void check_topology_keys(const Place& spec, const Nodes& nodes, Findings& findings) {
  const Place spreads = spec.field("topologySpreadConstraints");
  for (size_t i = 0; i < spreads.size(); ++i) {
    const Place spread = spreads.item(i);
    if (spread.field("whenUnsatisfiable").text() == "DoNotSchedule") {
      check_has_domain(spread, nodes, findings);
    }
  }
  const Place whole = spec.field("affinity");
  const Place of_pods = whole.field("podAffinity");
  const Place terms = of_pods.field(kRequiredField);
  for (size_t i = 0; i < terms.size(); ++i) {
    const Place term = terms.item(i);
    check_has_domain(term, nodes, findings);
  }
}

// Pods of one workload that refuse each other need a domain each; a node in none takes any number.
void check_own_refusal(const Place& spec, const Record& record, const Nodes& nodes, Findings& findings) {
  const Place workload = record.place.field("spec");
  const Place replicas = workload.field("replicas");
  const Place pod_template = workload.field("template");
  const Place metadata = pod_template.field("metadata");
  if (!replicas || replicas.node->kind != YamlNode::Kind::Integer || !metadata) {
    return;
  }
  const model::Labels labels = labels_at(metadata.field("labels"));
  const Place whole = spec.field("affinity");
  const Place against = whole.field("podAntiAffinity");
  const Place terms = against.field(kRequiredField);
  for (size_t i = 0; i < terms.size(); ++i) {
    const Place term = terms.item(i);
    const Place selector = term.field("labelSelector");
    const std::string key(term.field("topologyKey").text());
    const bool is_about_itself = selector && !term.field("namespaces") && !term.field("namespaceSelector") &&
                                 selector_at(selector).matches(labels);
    const bool has_other_nodes = std::any_of(nodes.begin(), nodes.end(),
                                             [&](const auto* node) { return !node->labels.contains(key); });
    const auto room = static_cast<std::int64_t>(domains_of(nodes, key).size());
    if (is_about_itself && !has_other_nodes && replicas.node->integer > room) {
      findings.warning(replicas,
                       std::to_string(replicas.node->integer - room) + " of " +
                           std::to_string(replicas.node->integer) +
                           " pods will stay Pending: they refuse each other by " + in_quotes(key) +
                           ", of which there are " + std::to_string(room),
                       "ask for fewer, or prefer it: preferredDuringSchedulingIgnoredDuringExecution");
      return;
    }
  }
}

}  // namespace

void check_scheduling_of(const Place& spec, const Record& record, const KnownNodes& known,
                         Findings& findings) {
  if (!known.has_labels || spec.field("nodeName")) {
    return;
  }
  const Nodes fitting = nodes_with_labels(spec, known, findings);
  // A DaemonSet leaves the others out, and adds tolerations of its own.
  if (fitting.empty() || record.kind->name == "DaemonSet") {
    return;
  }
  const Nodes open = open_nodes(spec, fitting, findings);
  if (open.empty()) {
    return;
  }
  check_capacity_for(spec, open, findings);
  check_topology_keys(spec, open, findings);
  check_own_refusal(spec, record, open, findings);
}

}  // namespace labctl::manifest
