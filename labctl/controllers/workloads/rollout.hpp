#pragma once

// The arithmetic of a rolling update, apart from any object: how many pods the new and the old
// ReplicaSets of a Deployment should have next. The rules are those of the Deployment
// controller (concepts, "Rolling Update Deployment"): never more than replicas + maxSurge pods,
// never fewer than replicas - maxUnavailable available.
//
// Each call is one step; call again when the ReplicaSets have moved.

#include <cstdint>
#include <vector>

namespace labctl::controllers {

struct RolloutSet {
  std::int64_t replicas = 0;   // spec
  std::int64_t available = 0;  // status
};

struct RolloutState {
  std::int64_t desired = 0;
  std::int64_t max_surge = 0;
  std::int64_t max_unavailable = 0;
  RolloutSet newest;
  std::vector<RolloutSet> old;  // oldest first
};

// spec.replicas of the newest set.
std::int64_t next_newest(const RolloutState& state);
// spec.replicas of each old set, in the given order. Pods that are not available go first.
std::vector<std::int64_t> next_old(const RolloutState& state);

}  // namespace labctl::controllers
