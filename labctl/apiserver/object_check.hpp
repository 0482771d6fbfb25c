#pragma once

// An object as a whole held to the rules of manifests, with its defaults filled in: what a write has to pass,
// whichever way it came.

#include "topology/base/diagnostic.hpp"
#include "topology/manifest/loader.hpp"

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace labctl::apiserver {

// Checks an object but for its status, and fills in its defaults. Errors make a 422.
using ObjectCheck = std::function<std::vector<Diagnostic>(nlohmann::json&)>;
// By the rules of manifests, for a lab of which so much is known.
ObjectCheck check_as_manifest(manifest::LoadOptions known);

// Throws Error: InvalidInput with all that is wrong, as "metadata.labels: must be a mapping, got a list; ...".
void refuse_errors(const nlohmann::json& object, const std::vector<Diagnostic>& diagnostics);
// All but its status, which is the lab's or checked by itself. Throws as refuse_errors().
void check_whole(const ObjectCheck& check, nlohmann::json& object);

}  // namespace labctl::apiserver
