#include "labctl/objects/pod_admission.hpp"

#include "labctl/objects/conditions.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/limit_ranges.hpp"
#include "labctl/objects/priority.hpp"
#include "labctl/objects/quotas.hpp"
#include "topology/base/error.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

namespace labctl::objects {
namespace {

using nlohmann::json;

constexpr int kTolerationSeconds = 300;
constexpr const char* kNoExecuteEffect = "NoExecute";

// A toleration of any key, or of any effect, is one too.
bool speaks_of(const json& toleration, const std::string& key) {
  const std::string& its_key = text_at(toleration, "key");
  const std::string& effect = text_at(toleration, "effect");
  return (its_key == key || its_key.empty()) && (effect == kNoExecuteEffect || effect.empty());
}

}  // namespace

void add_default_tolerations(json& pod) {
  for (const char* key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
    const json& has = list_at(pod, "spec.tolerations");
    if (std::any_of(has.begin(), has.end(), [&](const json& one) { return speaks_of(one, key); })) {
      continue;
    }
    json& tolerations = pod["spec"]["tolerations"];
    if (!tolerations.is_array()) {
      tolerations = json::array();
    }
    tolerations.push_back({{"key", key},
                           {"operator", "Exists"},
                           {"effect", kNoExecuteEffect},
                           {"tolerationSeconds", kTolerationSeconds}});
  }
}

void fill_in_new_pod(const store::Store& store, json& pod) {
  fill_in_priority(store, pod);
  add_default_tolerations(pod);
  if (store.count("limitranges") > 0) {
    fill_in_limits(store, pod);
    pod["status"]["qosClass"] = qos_class(pod);
  }
}

std::optional<std::string> admission_refusal(const store::Store& store, const json& pod) {
  const json* spec = field(pod, "spec");
  if (auto refusal = spec == nullptr ? std::nullopt : priority_refusal(store, *spec)) {
    return refusal;
  }
  if (auto refusal = store.count("limitranges") > 0 ? limit_refusal(store, pod) : std::nullopt) {
    return refusal;
  }
  return store.count("resourcequotas") > 0 ? quota_refusal(store, pod) : std::nullopt;
}

void admit_new_pod(const store::Store& store, json& pod) {
  admit_priority(store, pod);
  fill_in_new_pod(store, pod);
  if (const auto refusal = admission_refusal(store, pod)) {
    throw Error(ErrorKind::Permission, "pods \"" + name_of(pod) + "\" is forbidden: " + *refusal);
  }
}

}  // namespace labctl::objects
