#include "labctl/controllers/workloads/deployment_status.hpp"

#include "labctl/controllers/workloads/workload.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/timestamp.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::field;
using objects::number_at;
using objects::text_at;
using store::ObjectPtr;

constexpr std::int64_t kProgressDeadline = 600;
// Kubernetes writes this for "no deadline".
constexpr std::int64_t kNoDeadline = 2147483647;

struct Condition {
  const char* type;
  const char* value;
  const char* reason;
  std::string message;
};

// Deployment conditions have a lastUpdateTime besides: `is_news` moves it.
void set(json& conditions, const Condition& wanted, bool is_news, const std::string& now) {
  const auto found = std::find_if(conditions.begin(), conditions.end(),
                                  [&](const json& c) { return text_at(c, "type") == wanted.type; });
  const bool exists = found != conditions.end();
  const bool is_same_value = exists && text_at(*found, "status") == wanted.value;
  const bool is_same = is_same_value && text_at(*found, "reason") == wanted.reason;
  if (is_same && !is_news) {
    return;
  }
  json made{{"type", wanted.type},
            {"status", wanted.value},
            {"reason", wanted.reason},
            {"message", wanted.message},
            {"lastUpdateTime", now},
            {"lastTransitionTime", is_same_value ? text_at(*found, "lastTransitionTime") : now}};
  if (exists) {
    *found = std::move(made);
  } else {
    conditions.push_back(std::move(made));
  }
}

std::int64_t sum_of(const std::vector<ObjectPtr>& sets, std::string_view path) {
  std::int64_t sum = 0;
  for (const ObjectPtr& set : sets) {
    sum += number_at(*set, path, 0);
  }
  return sum;
}

// More new, ready or available pods, or fewer old ones, than the object says now.
bool has_progressed(const json& deployment, const json& status) {
  const auto before = [&](const char* count) {
    return number_at(deployment, std::string("status.") + count, 0);
  };
  const auto after = [&](const char* count) { return number_at(status, count, 0); };
  return after("updatedReplicas") > before("updatedReplicas") ||
         after("readyReplicas") > before("readyReplicas") ||
         after("availableReplicas") > before("availableReplicas") ||
         after("replicas") - after("updatedReplicas") < before("replicas") - before("updatedReplicas");
}

void set_available(json& conditions, const json& status, const DeploymentScale& scale,
                   const std::string& now) {
  if (number_at(status, "availableReplicas", 0) >= scale.desired - scale.max_unavailable) {
    set(conditions, {"Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability."},
        false, now);
  } else {
    set(conditions,
        {"Available", "False", "MinimumReplicasUnavailable",
         "Deployment does not have minimum availability."},
        false, now);
  }
}

void set_progressing(Work& work, json& conditions, const json& deployment, const json& status,
                     const NewestSet& newest, const DeploymentScale& scale) {
  const std::string now = timestamp(work.now);
  if (!newest.refusal.empty()) {
    set(conditions, {"Progressing", "False", kSetNotCreated, newest.refusal}, false, now);
    return;
  }
  const std::int64_t deadline = number_at(deployment, "spec.progressDeadlineSeconds", kProgressDeadline);
  if (deadline == kNoDeadline) {
    return;
  }
  if (objects::is_true_at(deployment, "spec.paused")) {
    set(conditions, {"Progressing", "Unknown", "DeploymentPaused", "Deployment is paused"}, false, now);
    return;
  }
  const json* present = objects::condition(deployment, "Progressing");
  const std::string reason = present == nullptr ? std::string() : text_at(*present, "reason");
  // A finished rollout stays finished: pods that fail later are no rollout.
  if (reason == "NewReplicaSetAvailable" &&
      number_at(status, "replicas", 0) == number_at(status, "updatedReplicas", 0)) {
    return;
  }
  const std::string name =
      "ReplicaSet \"" + objects::name_of(newest.object == nullptr ? deployment : *newest.object) + "\"";
  if (is_rollout_complete(status, scale)) {
    set(conditions, {"Progressing", "True", "NewReplicaSetAvailable", name + " has successfully progressed."},
        true, now);
    return;
  }
  const bool is_new_rollout = reason == "NewReplicaSetAvailable" || reason == "DeploymentPaused";
  if (present == nullptr || is_new_rollout || has_progressed(deployment, status)) {
    set(conditions, {"Progressing", "True", "ReplicaSetUpdated", name + " is progressing."}, true, now);
    work.look_again_at(work.now + std::chrono::seconds(deadline));
    return;
  }
  const auto since = parse_timestamp(text_at(*present, "lastUpdateTime"));
  const auto late_at = since.value_or(work.now) + std::chrono::seconds(deadline);
  if (reason == "ProgressDeadlineExceeded" || late_at <= work.now) {
    set(conditions,
        {"Progressing", "False", "ProgressDeadlineExceeded", name + " has timed out progressing."}, false,
        now);
  } else {
    work.look_again_at(late_at);
  }
}

}  // namespace

DeploymentScale deployment_scale(const json& deployment) {
  DeploymentScale scale;
  scale.desired = std::max<std::int64_t>(number_at(deployment, "spec.replicas", 1), 0);
  if (text_at(deployment, "spec.strategy.type") == "Recreate") {
    return scale;
  }
  scale.max_surge =
      resolve_share(field(deployment, "spec.strategy.rollingUpdate.maxSurge"), scale.desired, true, "25%");
  scale.max_unavailable = resolve_share(field(deployment, "spec.strategy.rollingUpdate.maxUnavailable"),
                                        scale.desired, false, "25%");
  scale.max_unavailable = std::min(scale.max_unavailable, scale.desired);
  if (scale.max_surge == 0 && scale.max_unavailable == 0) {
    scale.max_unavailable = 1;
  }
  return scale;
}

bool is_rollout_complete(const json& status, const DeploymentScale& scale) {
  return number_at(status, "updatedReplicas", 0) == scale.desired &&
         number_at(status, "replicas", 0) == scale.desired &&
         number_at(status, "availableReplicas", 0) == scale.desired;
}

json deployment_status(Work& work, const json& deployment, const NewestSet& newest,
                       const std::vector<ObjectPtr>& all) {
  const DeploymentScale scale = deployment_scale(deployment);
  const std::int64_t replicas = sum_of(all, "status.replicas");
  const std::int64_t available = sum_of(all, "status.availableReplicas");
  json status{
      {"observedGeneration", number_at(deployment, "metadata.generation", 1)},
      {"replicas", replicas},
      {"updatedReplicas", newest.object == nullptr ? 0 : number_at(*newest.object, "status.replicas", 0)},
      {"readyReplicas", sum_of(all, "status.readyReplicas")},
      {"availableReplicas", available},
      {"unavailableReplicas", std::max<std::int64_t>(scale.desired - available, 0)},
      {"collisionCount", number_at(deployment, "status.collisionCount", 0)}};
  const json* present = field(deployment, "status.conditions");
  json conditions = present != nullptr && present->is_array() ? *present : json::array();
  set_available(conditions, status, scale, timestamp(work.now));
  set_progressing(work, conditions, deployment, status, newest, scale);
  status["conditions"] = std::move(conditions);
  return status;
}

}  // namespace labctl::controllers
