#include "labctl/controllers/pods/nodes.hpp"

#include "labctl/objects/conditions.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/store/store.hpp"
#include "topology/model/node_labels.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;

json node_addresses(const model::Node& node) {
  json addresses = json::array();
  for (const IpAddress& address : node.addresses) {
    addresses.push_back({{"type", "InternalIP"}, {"address", to_string(address)}});
  }
  addresses.push_back({{"type", "Hostname"}, {"address", node.name}});
  return addresses;
}

void fill_in(json& object, const model::Node& node, objects::TimePoint now) {
  json& labels = object["metadata"]["labels"];
  for (const auto& [key, value] : model::node_labels(node)) {
    labels[key] = value;
  }
  json& spec = object["spec"];
  if (!node.pod_cidrs.empty()) {
    spec["podCIDR"] = to_string(node.pod_cidrs.front());
    spec["podCIDRs"] = json::array();
    for (const Prefix& prefix : node.pod_cidrs) {
      spec["podCIDRs"].push_back(to_string(prefix));
    }
  }
  json& status = object["status"];
  status["addresses"] = node_addresses(node);
  status["capacity"] = model::node_resources(node);
  status["allocatable"] = status["capacity"];
  status["nodeInfo"] = {
      {"operatingSystem", "linux"}, {"architecture", model::architecture()}, {"kubeletVersion", "labctl"}};
  if (objects::condition(object, "Ready") == nullptr) {
    objects::set_condition(status, "Ready", "True", now, "KubeletReady", "the node's namespace is up");
  }
}

void sync_node(store::Store& store, const model::Node& node) {
  const store::Key key{"nodes", "", node.name};
  const objects::TimePoint now = store.clock().wall();
  if (store.find(key) != nullptr) {
    store.modify(key, [&](json& object) { fill_in(object, node, now); });
    return;
  }
  json object{
      {"apiVersion", "v1"}, {"kind", "Node"}, {"metadata", {{"name", node.name}}}, {"spec", json::object()}};
  fill_in(object, node, now);
  // As a kubelet does that registers: later they are the cluster's users'.
  for (const model::Taint& taint : node.taints) {
    json made{{"key", taint.key}, {"effect", taint.effect}};
    if (!taint.value.empty()) {
      made["value"] = taint.value;
    }
    object["spec"]["taints"].push_back(std::move(made));
  }
  if (node.is_unschedulable) {
    object["spec"]["unschedulable"] = true;
  }
  store.create(key, std::move(object));
}

void sync_namespace(store::Store& store, const std::string& name) {
  const store::Key key{"namespaces", "", name};
  if (store.find(key) == nullptr) {
    store.create(key, {{"apiVersion", "v1"},
                       {"kind", "Namespace"},
                       {"metadata", {{"name", name}, {"labels", {{model::kNamespaceNameLabel, name}}}}},
                       {"spec", {{"finalizers", {"kubernetes"}}}},
                       {"status", {{"phase", "Active"}}}});
  }
}

}  // namespace

void sync_born_namespaces(store::Store& store) {
  for (const char* name : model::kBornNamespaces) {
    sync_namespace(store, name);
  }
}

void sync_nodes(store::Store& store, const model::Cluster& cluster) {
  sync_born_namespaces(store);
  for (const model::Node& node : cluster.nodes) {
    sync_node(store, node);
  }
}

}  // namespace labctl::controllers
