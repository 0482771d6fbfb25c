#pragma once

// What pods ask for by name and no file has: ConfigMaps, Secrets and claims. Their containers would wait.

#include "topology/manifest/references.hpp"

namespace labctl::manifest {

// A warning for each name, at the first place that has it. Optional references are not asked about.
void check_config_references(const std::vector<Record>& records, Findings& findings);

}  // namespace labctl::manifest
