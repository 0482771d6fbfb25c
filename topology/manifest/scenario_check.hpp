#pragma once

// The rules of a Scenario between its variables and the texts that use them: ${name} in a step is filled in
// from `vars`, from the step's `cases` and from --set, and a name that none of them has is a mistake to be
// told of before a lab is booted for it.

#include "topology/manifest/yaml/findings.hpp"

#include <nlohmann/json_fwd.hpp>

#include <set>
#include <string>

namespace labctl::manifest {

// `scenario` is the whole document, sound or not; what has the wrong type is passed over. `set_names` are
// variables that come from elsewhere (--set).
void check_variables(const Place& scenario, const std::set<std::string>& set_names, Findings& findings);
// Puts the nulls of merge patches back, which are absent elsewhere: `object` is the JSON of `scenario`.
void keep_nulls_of_patches(const Place& scenario, nlohmann::json& object);

}  // namespace labctl::manifest
