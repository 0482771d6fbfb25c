#pragma once

// What `up --dry-run` prints: every step that a boot would take, without taking one.

#include "topology/manifest/loader.hpp"
#include "topology/model/cluster.hpp"

#include <string>
#include <vector>

namespace labctl::lab {

// Pure but for the wall clock in objects that are not shown. Throws Error:
// InvalidInput when a range is too small.
std::string describe_plan(const model::Cluster& cluster, const std::vector<manifest::Object>& objects);

}  // namespace labctl::lab
