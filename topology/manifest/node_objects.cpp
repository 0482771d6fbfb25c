#include "topology/manifest/node_objects.hpp"

#include "topology/manifest/yaml/tree_values.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace labctl::manifest {
namespace {

using nlohmann::json;

model::Node* find_node(std::vector<model::Node>& nodes, const std::string& name) {
  const auto found =
      std::find_if(nodes.begin(), nodes.end(), [&](const model::Node& node) { return node.name == name; });
  return found == nodes.end() ? nullptr : &*found;
}

void merge(model::Node& node, const model::Labels& labels, std::vector<model::Taint> taints) {
  for (const auto& [key, value] : labels) {
    node.labels[key] = value;
  }
  for (model::Taint& taint : taints) {
    const auto same = std::find_if(node.taints.begin(), node.taints.end(), [&](const model::Taint& other) {
      return other.key == taint.key && other.effect == taint.effect;
    });
    if (same != node.taints.end()) {
      *same = std::move(taint);
    } else {
      node.taints.push_back(std::move(taint));
    }
  }
}

}  // namespace

void merge_node(const Record& record, std::vector<model::Node>& nodes) {
  if (record.kind->name != "Node") {
    return;
  }
  const Place metadata = record.place.field("metadata");
  const Place spec = record.place.field("spec");
  if (model::Node* node = find_node(nodes, record.name)) {
    merge(*node, metadata ? labels_at(metadata.field("labels")) : model::Labels{},
          record.is_sound && spec ? taints_at(spec.field("taints")) : std::vector<model::Taint>{});
    node->is_unschedulable = node->is_unschedulable || (spec && truth_at(spec.field("unschedulable"), false));
  }
}

void merge_node(const json& object, std::vector<model::Node>& nodes) {
  const json& metadata = object.at("metadata");
  model::Node* node = find_node(nodes, metadata.value("name", std::string()));
  if (node == nullptr) {
    return;
  }
  const json spec = object.value("spec", json::object());
  std::vector<model::Taint> taints;
  for (const json& taint : spec.value("taints", json::array())) {
    taints.push_back({taint.value("key", ""), taint.value("value", ""), taint.value("effect", "")});
  }
  merge(*node, metadata.value("labels", model::Labels{}), std::move(taints));
  node->is_unschedulable = node->is_unschedulable || spec.value("unschedulable", false);
}

}  // namespace labctl::manifest
