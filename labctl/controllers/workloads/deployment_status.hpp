#pragma once

// What a Deployment reports: counts, and the conditions Available and
// Progressing (concepts, "Deployment status").

#include "labctl/controllers/work.hpp"
#include "labctl/store/change.hpp"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace labctl::controllers {

// How many pods, and how far a rollout may stray from that.
struct DeploymentScale {
  std::int64_t desired = 1;
  std::int64_t max_surge = 0;
  std::int64_t max_unavailable = 0;
};
// From spec.replicas and spec.strategy. Shares of maxSurge round up, of maxUnavailable down; both 0 gives
// maxUnavailable 1. Recreate has neither.
DeploymentScale deployment_scale(const nlohmann::json& deployment);

// The ReplicaSet of the present template, or null; then perhaps why it cannot be made.
struct NewestSet {
  store::ObjectPtr object;
  std::string refusal;
};

// The reason of the condition and the event when it cannot be made.
inline constexpr const char* kSetNotCreated = "ReplicaSetCreateError";

// The status as it should be, from the ReplicaSets' statuses. Progressing turns False when nothing moved for
// spec.progressDeadlineSeconds (600), and when the newest set cannot be made.
nlohmann::json deployment_status(Work& work, const nlohmann::json& deployment, const NewestSet& newest,
                                 const std::vector<store::ObjectPtr>& all);

// Every pod is of the newest template and available.
bool is_rollout_complete(const nlohmann::json& status, const DeploymentScale& scale);

}  // namespace labctl::controllers
