#pragma once

// What an API server warns of when it takes an object, in its words: kinds, fields, labels and annotations that are
// deprecated, and fields that are ignored or hide each other (Kubernetes, pkg/api/*/warnings.go, 1.36).

#include "topology/manifest/references.hpp"

#include <vector>

namespace labctl::manifest {

// A warning for each sort of thing, at the first place that has it.
void check_deprecations(const std::vector<Record>& records, Findings& findings);

}  // namespace labctl::manifest
