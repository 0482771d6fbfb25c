#include "labctl/objects/pod_admission.hpp"

#include "labctl/objects/fields.hpp"
#include "labctl/objects/priority.hpp"

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
}

void admit_new_pod(const store::Store& store, json& pod) {
  admit_priority(store, pod);
  add_default_tolerations(pod);
}

}  // namespace labctl::objects
