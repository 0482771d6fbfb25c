#include "labctl/controllers/scheduling/taints.hpp"

#include "labctl/controllers/pods/node_readiness.hpp"
#include "labctl/objects/fields.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using model::Taint;
using nlohmann::json;
using objects::text_at;

void add_once(std::vector<Taint>& taints, Taint taint) {
  const bool is_there = std::any_of(taints.begin(), taints.end(), [&](const Taint& other) {
    return other.key == taint.key && other.effect == taint.effect;
  });
  if (!is_there) {
    taints.push_back(std::move(taint));
  }
}

}  // namespace

std::vector<Taint> taints_of(const json& node) {
  std::vector<Taint> taints;
  for (const json& taint : objects::list_at(node, "spec.taints")) {
    taints.push_back({text_at(taint, "key"), text_at(taint, "value"), text_at(taint, "effect")});
  }
  return taints;
}

std::vector<Taint> effective_taints_of(const json& node) {
  std::vector<Taint> taints = taints_of(node);
  if (!is_node_ready(node)) {
    add_once(taints, {kNotReadyTaint, "", std::string(kNoSchedule)});
  }
  if (objects::is_true_at(node, "spec.unschedulable")) {
    add_once(taints, {kUnschedulableTaint, "", std::string(kNoSchedule)});
  }
  return taints;
}

std::vector<Toleration> tolerations_of(const json& pod) {
  std::vector<Toleration> tolerations;
  for (const json& toleration : objects::list_at(pod, "spec.tolerations")) {
    Toleration made{text_at(toleration, "key"), text_at(toleration, "operator"), text_at(toleration, "value"),
                    text_at(toleration, "effect"), std::nullopt};
    if (objects::field(toleration, "tolerationSeconds") != nullptr) {
      made.seconds = objects::number_at(toleration, "tolerationSeconds", 0);
    }
    tolerations.push_back(std::move(made));
  }
  return tolerations;
}

json daemon_tolerations(bool is_on_host_network) {
  json tolerations = json::array();
  const auto add = [&](const char* key, std::string_view effect) {
    tolerations.push_back({{"key", key}, {"operator", "Exists"}, {"effect", effect}});
  };
  add(kNotReadyTaint, kNoExecute);
  add("node.kubernetes.io/unreachable", kNoExecute);
  add("node.kubernetes.io/disk-pressure", kNoSchedule);
  add("node.kubernetes.io/memory-pressure", kNoSchedule);
  add("node.kubernetes.io/pid-pressure", kNoSchedule);
  add(kUnschedulableTaint, kNoSchedule);
  if (is_on_host_network) {
    add("node.kubernetes.io/network-unavailable", kNoSchedule);
  }
  return tolerations;
}

}  // namespace labctl::controllers
