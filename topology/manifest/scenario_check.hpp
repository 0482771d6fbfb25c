#pragma once

// The rules of a Scenario between its variables and the texts that use them: ${name} in a step is filled in
// from `vars`, from the step's `cases` and from --set, and a name that none of them has is a mistake to be
// told of before a lab is booted for it.

#include "topology/manifest/yaml/findings.hpp"

#include <set>
#include <string>

namespace labctl::manifest {

// `scenario` is the whole document, sound or not; what has the wrong type is passed over. `set_names` are
// variables that come from elsewhere (--set).
void check_variables(const Place& scenario, const std::set<std::string>& set_names, Findings& findings);

}  // namespace labctl::manifest
