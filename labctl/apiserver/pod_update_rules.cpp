#include "labctl/apiserver/pod_update_rules.hpp"

#include "labctl/objects/fields.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::apiserver {
namespace {

using nlohmann::json;
using objects::list_at;

bool is_gated(const json& pod) { return !list_at(pod, "spec.schedulingGates").empty(); }

bool contains(const json& list, const json& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

json without_seconds(json toleration) {
  if (toleration.is_object()) {
    toleration.erase("tolerationSeconds");
  }
  return toleration;
}

bool keeps_tolerations(const json& before, const json& after) {
  const json& left = list_at(after, "spec.tolerations");
  const json& had = list_at(before, "spec.tolerations");
  return std::all_of(had.begin(), had.end(), [&](const json& toleration) {
    return std::any_of(left.begin(), left.end(), [&](const json& other) {
      return without_seconds(other) == without_seconds(toleration);
    });
  });
}

bool keeps_selector(const json& before, const json& after) {
  const json* had = objects::field(before, "spec.nodeSelector");
  const json* has = objects::field(after, "spec.nodeSelector");
  if (had == nullptr || !had->is_object()) {
    return true;
  }
  return std::all_of(had->items().begin(), had->items().end(), [&](const auto& label) {
    const json* value =
        has == nullptr || !has->is_object() || !has->contains(label.key()) ? nullptr : &has->at(label.key());
    return value != nullptr && *value == label.value();
  });
}

}  // namespace

std::string refused_scheduling_change(const json& before, const json& after) {
  const json& gates = list_at(before, "spec.schedulingGates");
  for (const json& gate : list_at(after, "spec.schedulingGates")) {
    if (!contains(gates, gate)) {
      return "spec.schedulingGates: Forbidden: only deletion is allowed, but found new scheduling gate '" +
             objects::text_at(gate, "name") + "'";
    }
  }
  if (!keeps_tolerations(before, after)) {
    return "spec.tolerations: Forbidden: existing toleration can not be modified except its "
           "tolerationSeconds";
  }
  if (is_gated(before) && !keeps_selector(before, after)) {
    return "spec.nodeSelector: Invalid value: only additions are allowed to spec.nodeSelector of a gated pod";
  }
  return "";
}

void leave_out_scheduling(const json& before, json& spec) {
  spec.erase("schedulingGates");
  spec.erase("tolerations");
  if (is_gated(before)) {
    spec.erase("nodeSelector");
  }
}

}  // namespace labctl::apiserver
