#pragma once

// What the ranges of the cluster say of Services and endpoints: families it has no
// addresses of, addresses and node ports out of range, service addresses as endpoints. What
// is taken already is the allocator's to say.

#include "topology/manifest/references.hpp"
#include "topology/model/cluster.hpp"

#include <vector>

namespace labctl::manifest {

void check_service_ranges(const std::vector<Record>& records, const model::Network& network,
                          Findings& findings);

}  // namespace labctl::manifest
