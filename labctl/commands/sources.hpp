#pragma once

// Manifests on their way to a running lab, and the diagnostics that come back.

#include "topology/base/diagnostic.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace labctl::commands {

// What api::to_json() makes of the files, folders and "-" in `paths`.
// Throws Error: NotFound for a missing path, InvalidInput for what cannot be read.
nlohmann::json read_sources_json(const std::vector<std::string>& paths);

// Of a reply, {"diagnostics":[...]}; see api/diagnostic_json.hpp.
std::vector<Diagnostic> diagnostics_of(const nlohmann::json& reply);

}  // namespace labctl::commands
