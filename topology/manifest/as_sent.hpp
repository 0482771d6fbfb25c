#pragma once

// An object as kubectl sends it, where that says something else than its text:
//
//   - a text set to "" is not set: most fields of the API are marked `omitempty` in Go's types. One that is a
//     pointer there (`*string`) keeps its "", and so does one that is required, whose refusal then has a place
//   - 2.0 and 2e0 are 2 where a whole number is wanted: JSON has one kind of number (RFC 8259 section 6)

#include "topology/manifest/kinds/schema.hpp"
#include "topology/manifest/yaml/yaml_tree.hpp"

namespace labctl::manifest {

// `object` itself if there is nothing of that in it. New nodes are made in `arena`.
const YamlNode& as_sent(const YamlNode& object, const Schema& schema, YamlArena& arena);

}  // namespace labctl::manifest
