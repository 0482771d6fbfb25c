#pragma once

// metadata.name and generateName, and the names that controllers make of them (apimachinery, api/validation).

#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/references.hpp"
#include "topology/manifest/yaml/findings.hpp"

#include <string>
#include <vector>

namespace labctl::manifest {

// The name of an object of that kind; empty where there is none. Adds what is wrong with it.
std::string read_name(const Place& metadata, const Kind& kind, Findings& findings);

// Warns of workloads whose own name may be, but from which no pod's or ReplicaSet's name can be made.
void check_derived_names(const std::vector<Record>& records, Findings& findings);

}  // namespace labctl::manifest
