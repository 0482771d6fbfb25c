#pragma once

// JSON as the tree that the tables check, so that what clients send and what
// files say is held to the same rules.

#include "topology/manifest/yaml/yaml_tree.hpp"

#include <nlohmann/json_fwd.hpp>

namespace labctl::manifest {

// The arena's for as long as it lives. Recursive: of a value that does not nest deeper than kDepthMax.
YamlNode& to_tree(const nlohmann::json& value, YamlArena& arena);

// Takes what is null out of objects, at every depth: null is absent to Kubernetes. Recursive.
void drop_nulls(nlohmann::json& value);

}  // namespace labctl::manifest
