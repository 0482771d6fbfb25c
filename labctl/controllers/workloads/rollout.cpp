#include "labctl/controllers/workloads/rollout.hpp"

#include <algorithm>

namespace labctl::controllers {
namespace {

std::int64_t replicas_in_all(const RolloutState& state) {
  std::int64_t sum = state.newest.replicas;
  for (const RolloutSet& set : state.old) {
    sum += set.replicas;
  }
  return sum;
}

// A status may lag behind a scale-down; what is to go is not counted as available.
std::int64_t available_in(const RolloutSet& set) { return std::min(set.available, set.replicas); }

}  // namespace

std::int64_t next_newest(const RolloutState& state) {
  if (state.newest.replicas >= state.desired) {
    return state.desired;
  }
  const std::int64_t room = state.desired + state.max_surge - replicas_in_all(state);
  return state.newest.replicas + std::clamp<std::int64_t>(room, 0, state.desired - state.newest.replicas);
}

std::vector<std::int64_t> next_old(const RolloutState& state) {
  std::vector<std::int64_t> next;
  std::int64_t available = available_in(state.newest);
  for (const RolloutSet& set : state.old) {
    next.push_back(set.replicas);
    available += available_in(set);
  }
  const std::int64_t least = state.desired - state.max_unavailable;
  const std::int64_t newest_unavailable = state.newest.replicas - available_in(state.newest);
  // The newest set's pods that are not available yet count as if they were to fail: only what is left
  // without them may go.
  std::int64_t may_go = replicas_in_all(state) - least - newest_unavailable;

  // Old pods that serve nobody go first: they hold the rollout up and nobody misses them.
  for (std::size_t i = 0; i < next.size() && may_go > 0; ++i) {
    const std::int64_t gone = std::min(may_go, state.old[i].replicas - available_in(state.old[i]));
    next[i] -= gone;
    may_go -= gone;
  }
  // Of those that serve only so many that enough are left.
  may_go = std::min(may_go, available - least);
  for (std::size_t i = 0; i < next.size() && may_go > 0; ++i) {
    const std::int64_t gone = std::min(may_go, next[i]);
    next[i] -= gone;
    may_go -= gone;
  }
  return next;
}

}  // namespace labctl::controllers
