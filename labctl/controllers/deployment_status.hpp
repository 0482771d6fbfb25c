#pragma once

// What a Deployment reports: counts, and the conditions Available and Progressing (concepts, "Deployment
// status").

#include "labctl/controllers/work.hpp"
#include "labctl/store/change.hpp"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
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

// The status as it should be, from the ReplicaSets' statuses. `newest` may be null. Progressing turns False
// when nothing moved for spec.progressDeadlineSeconds (600).
nlohmann::json deployment_status(Work& work, const nlohmann::json& deployment, const store::ObjectPtr& newest,
                                 const std::vector<store::ObjectPtr>& all);

// Every pod is of the newest template and available.
bool is_rollout_complete(const nlohmann::json& status, const DeploymentScale& scale);

}  // namespace labctl::controllers
