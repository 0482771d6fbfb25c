#pragma once

// What objects name that no file has: ServiceAccounts of pods, the Service of a StatefulSet, what a
// HorizontalPodAutoscaler scales, Services behind an Ingress and their ports.

#include "topology/manifest/references.hpp"

namespace labctl::manifest {

// A warning for each. Only of files that are all there is: a running lab has more.
void check_object_references(const std::vector<Record>& records, Findings& findings);

}  // namespace labctl::manifest
