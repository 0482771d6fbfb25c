#pragma once

// YAML text to position-tracked trees, by the events of yaml-cpp. Limits on
// depth, size and alias expansion are ours.

#include "topology/manifest/yaml/findings.hpp"
#include "topology/manifest/yaml/yaml_tree.hpp"

#include <string_view>
#include <vector>

namespace labctl::manifest {

// The root of every document that could be read, in order; what could not is in `findings`. A mistake in one
// document does not hide the next. The roots live as long as `arena`.
std::vector<const YamlNode*> read_documents(int source, std::string_view text, YamlArena& arena,
                                            Findings& findings);

}  // namespace labctl::manifest
