#pragma once

// What workloads ask for against what the Cluster can carry.

#include "topology/manifest/references.hpp"
#include "topology/manifest/yaml/findings.hpp"

#include <cstdint>
#include <vector>

namespace labctl::manifest {

// spec.replicas of Deployments, ReplicaSets and StatefulSets. `capacity` as model::pod_capacity gives it.
void check_replicas(const std::vector<Record>& records, std::uint64_t capacity, Findings& findings);

}  // namespace labctl::manifest
