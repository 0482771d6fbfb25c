#pragma once

// What the API server fills in, and in which version it keeps an object, for kinds that bound pods, rank them
// and say who may reach them (apis/autoscaling, networking, rbac and scheduling, zz_generated.defaults).

#include <nlohmann/json_fwd.hpp>

namespace labctl::manifest {

// `object` passed its schema; other kinds are left as they are. A HorizontalPodAutoscaler becomes one of
// autoscaling/v2, in which its target of v1 is a metric.
void fill_in_policy_defaults(nlohmann::json& object);

}  // namespace labctl::manifest
