#pragma once

// What no node of the Cluster can take, told before anything is up. Only what is certain: labels, taints and
// capacities of nodes are known, and which pods will be beside which is not.

#include "topology/manifest/references.hpp"
#include "topology/manifest/yaml/findings.hpp"

namespace labctl::manifest {

// `spec` is the pod spec in `record`: its own, or its template's.
void check_scheduling_of(const Place& spec, const Record& record, const KnownNodes& known,
                         Findings& findings);

}  // namespace labctl::manifest
