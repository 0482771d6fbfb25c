#pragma once

// What Services and PodDisruptionBudgets select of the files' pods and templates, and whether anything is there
// on the ports that Services send to.

#include "topology/manifest/host_program_check.hpp"
#include "topology/manifest/references.hpp"

#include <vector>

namespace labctl::manifest {

// Warnings: a selector that no pod or template fits; a targetPort that none of those it fits has, by name, or by
// number if all of their containers are stood in for. Only of files that are all there is.
void check_pod_selection(const std::vector<Record>& records, const HostProgramRules& rules,
                         Findings& findings);

}  // namespace labctl::manifest
