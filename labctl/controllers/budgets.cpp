#include "labctl/controllers/budgets.hpp"

#include "labctl/controllers/workloads/workload.hpp"
#include "labctl/objects/conditions.hpp"
#include "labctl/objects/contain.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/pod_course.hpp"
#include "labctl/store/selectors.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::field;
using objects::number_at;
using objects::text_at;
using store::Key;
using store::ObjectPtr;

const std::string kBudgets = "poddisruptionbudgets";
const std::string kScalers = "horizontalpodautoscalers";
constexpr std::array<std::string_view, 3> kScaled{"deployments", "replicasets", "statefulsets"};

// The workload whose number of replicas says how many pods there should be: of a Deployment's pod not its
// ReplicaSet. Null when nothing that can be scaled owns the pod.
ObjectPtr scaled_owner(const store::Store& store, const json& object) {
  for (const json& owner : objects::list_at(object, "metadata.ownerReferences")) {
    if (!objects::is_true_at(owner, "controller")) {
      continue;
    }
    const std::optional<Key> key = store.key_of_uid(text_at(owner, "uid"));
    if (!key || std::find(kScaled.begin(), kScaled.end(), key->resource) == kScaled.end()) {
      return nullptr;
    }
    const ObjectPtr found = store.find(*key);
    const ObjectPtr above = found == nullptr ? nullptr : scaled_owner(store, *found);
    return above == nullptr ? found : above;
  }
  return nullptr;
}

struct Expected {
  std::int64_t pods = 0;
  std::string failure;  // why they cannot be counted
};

// getExpectedScale: the replicas of all workloads that own one of the pods.
Expected expected_scale(const store::Store& store, const std::vector<ObjectPtr>& pods) {
  std::map<std::string, std::int64_t> replicas;
  for (const ObjectPtr& pod : pods) {
    const ObjectPtr owner = scaled_owner(store, *pod);
    if (owner == nullptr) {
      return {0, "found no controller ref for pod \"" + objects::name_of(*pod) + "\""};
    }
    replicas[objects::uid_of(*owner)] = number_at(*owner, "spec.replicas", 1);
  }
  Expected sum;
  for (const auto& [uid, count] : replicas) {
    sum.pods += count;
  }
  return sum;
}

struct Wanted {
  Expected expected;
  std::int64_t healthy = 0;
};

Wanted wanted_of(const store::Store& store, const json& budget, const std::vector<ObjectPtr>& pods) {
  Wanted wanted;
  if (const json* most_away = field(budget, "spec.maxUnavailable")) {
    wanted.expected = expected_scale(store, pods);
    wanted.healthy = std::max<std::int64_t>(
        0, wanted.expected.pods - resolve_share(most_away, wanted.expected.pods, true, "0"));
  } else if (const json* least = field(budget, "spec.minAvailable")) {
    wanted.expected = least->is_number_integer() ? Expected{static_cast<std::int64_t>(pods.size()), {}}
                                                 : expected_scale(store, pods);
    wanted.healthy = resolve_share(least, wanted.expected.pods, true, "0");
  }
  return wanted;
}

// Those of the budget that have not ended.
std::vector<ObjectPtr> pods_of(const store::Store& store, const json& budget) {
  const json* selector = field(budget, "spec.selector");
  std::vector<ObjectPtr> pods;
  if (selector != nullptr) {
    pods = store.list("pods", objects::namespace_of(budget), store::selector_from_json(*selector));
    std::erase_if(pods, [](const ObjectPtr& pod) { return !objects::is_active(*pod); });
  }
  return pods;
}

}  // namespace

BudgetLoop::BudgetLoop(store::Store& store) : store_(store) {
  for (const std::string& resource : {kBudgets, kScalers}) {
    for (const ObjectPtr& object : store.list(resource)) {
      due_.insert(store::key_of(resource, *object));
    }
  }
  subscription_ = store.on_change([this](const store::Change& change) { note(change); });
}

void BudgetLoop::note(const store::Change& change) {
  const std::string& resource = change.key.resource;
  if (resource == kBudgets || resource == kScalers) {
    due_.insert(change.key);
    return;
  }
  const bool is_workload = std::find(kScaled.begin(), kScaled.end(), resource) != kScaled.end();
  for (const std::string& counted : {kBudgets, kScalers}) {
    const bool matters = is_workload || (resource == "pods" && counted == kBudgets);
    if (!matters || store_.count(counted) == 0) {
      continue;
    }
    for (const ObjectPtr& object : store_.list(counted, change.key.ns)) {
      due_.insert(store::key_of(counted, *object));
    }
  }
}

bool BudgetLoop::run() {
  for (const Key& key : std::exchange(due_, {})) {
    if (!objects::contain(store_, key, "FailedSync", "disruption-controller", [&] { sync(key); })) {
      failed_.insert(key);
    }
  }
  return failed_.empty();
}

void BudgetLoop::retry() { due_.merge(std::exchange(failed_, {})); }

void BudgetLoop::sync(const Key& key) {
  const ObjectPtr object = store_.find(key);
  if (object == nullptr) {
    return;
  }
  json status = key.resource == kBudgets ? status_of_budget(*object) : status_of_scaler(*object);
  const json* present = field(*object, "status");
  if (present == nullptr || *present != status) {
    store_.modify(key, [&](json& changed) { changed["status"] = std::move(status); });
  }
}

json BudgetLoop::status_of_budget(const json& budget) const {
  const std::vector<ObjectPtr> pods = pods_of(store_, budget);
  const Wanted wanted = wanted_of(store_, budget, pods);
  const std::int64_t healthy = std::count_if(pods.begin(), pods.end(), [](const ObjectPtr& pod) {
    return objects::is_ready(*pod) && !objects::is_being_deleted(*pod);
  });
  const bool is_known = wanted.expected.failure.empty();
  const std::int64_t allowed =
      !is_known || wanted.expected.pods <= 0 ? 0 : std::max<std::int64_t>(0, healthy - wanted.healthy);
  const json* before = field(budget, "status");
  json status = before == nullptr ? json::object() : *before;
  status["currentHealthy"] = healthy;
  status["desiredHealthy"] = wanted.healthy;
  status["expectedPods"] = wanted.expected.pods;
  status["disruptionsAllowed"] = allowed;
  status["observedGeneration"] = number_at(budget, "metadata.generation", 1);
  objects::set_condition(status, "DisruptionAllowed", allowed > 0 ? "True" : "False", store_.clock().wall(),
                         !is_known     ? "SyncFailed"
                         : allowed > 0 ? "SufficientPods"
                                       : "InsufficientPods",
                         wanted.expected.failure);
  return status;
}

json BudgetLoop::status_of_scaler(const json& scaler) const {
  const std::string& kind = text_at(scaler, "spec.scaleTargetRef.kind");
  const std::string resource = kind == "Deployment"    ? "deployments"
                               : kind == "ReplicaSet"  ? "replicasets"
                               : kind == "StatefulSet" ? "statefulsets"
                                                       : "";
  const std::string& name = text_at(scaler, "spec.scaleTargetRef.name");
  const ObjectPtr target =
      resource.empty() ? nullptr : store_.find({resource, objects::namespace_of(scaler), name});
  const std::int64_t replicas = target == nullptr ? 0 : number_at(*target, "status.replicas", 0);
  const json* before = field(scaler, "status");
  json status = before == nullptr ? json::object() : *before;
  status["currentReplicas"] = replicas;
  status["desiredReplicas"] = replicas;
  const auto now = store_.clock().wall();
  objects::set_condition(status, "AbleToScale", target == nullptr ? "False" : "True", now,
                         target == nullptr ? "FailedGetScale" : "SucceededGetScale",
                         target == nullptr ? "there is no " + kind + " \"" + name + "\""
                                           : "the HPA controller was able to get the target's current scale");
  objects::set_condition(status, "ScalingActive", "False", now, "FailedGetResourceMetric",
                         "a lab measures nothing: the target keeps its replicas");
  return status;
}

}  // namespace labctl::controllers
