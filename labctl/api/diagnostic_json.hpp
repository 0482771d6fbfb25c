#pragma once

// Diagnostics as replies and reports carry them.

#include "topology/base/diagnostic.hpp"

#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace labctl::api {

// {"severity":"error"|"warning","file","line","column","path","message","hint","times"}; what is said of many
// places also has "topic" and "subject" (see Diagnostic), and "also": [{"file","line","column"}] of the others.
nlohmann::json to_json(const Diagnostic& diagnostic);
nlohmann::json to_json(const std::vector<Diagnostic>& diagnostics);

}  // namespace labctl::api
