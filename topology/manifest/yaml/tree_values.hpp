#pragma once

// Values read straight from a checked tree.

#include "topology/manifest/yaml/findings.hpp"
#include "topology/model/cluster.hpp"
#include "topology/model/label_selector.hpp"

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace labctl::manifest {

// A string map; empty if absent.
model::Labels labels_at(const Place& place);
// A meta/v1 LabelSelector; empty if absent.
model::LabelSelector selector_at(const Place& place);
// core/v1 Taints; empty if absent.
std::vector<model::Taint> taints_at(const Place& place);
// The texts of a list; empty if absent.
std::vector<std::string> texts_at(const Place& place);
// The boolean there, else `otherwise`.
bool truth_at(const Place& place, bool otherwise);

// A field that is null is absent to Kubernetes; in a merge patch (RFC 7396) it takes a field away.
enum class Nulls { LeaveOut, Keep };
nlohmann::json to_json(const YamlNode& node, Nulls nulls = Nulls::LeaveOut);

// Every JSON pointer below `place` ("" is the place itself) to its position; of a field, that of its value.
std::map<std::string, SourcePosition> positions_of(const Place& place, const Findings& findings);

}  // namespace labctl::manifest
