#pragma once

// One scenario to one for each of the families, network modes and data planes
// it is to be run with (spec.expand).

#include "labctl/scenario/discovery.hpp"

#include <vector>

namespace labctl::scenario {

// In the order of the lists, families first; itself where there is nothing to expand. Throws Error
// InvalidInput when the Cluster does not allow one of them.
std::vector<Scenario> expand_scenario(const Scenario& scenario);

}  // namespace labctl::scenario
