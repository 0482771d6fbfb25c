#pragma once

// What the API server would fill in (apis/core/v1 and apis/apps/v1 defaults.go), as far as later code or a
// reader of `get -o yaml` looks at it.

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace labctl::manifest {

// `object` passed its schema and has its namespace. Kinds without defaults stay as they are.
void fill_in_defaults(nlohmann::json& object, std::string_view kind);

}  // namespace labctl::manifest
