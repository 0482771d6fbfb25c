#pragma once

// The tables of schema.hpp as a JSON Schema (draft 2020-12), for editors and for
// whoever checks files without labctl.
//
// It says less than the loader: rules between fields and between objects are not in it, and of formats only
// what a pattern can say. What it refuses the loader complains about too. Fields that are not known are
// refused in kinds of our own and let through in those of Kubernetes, where a cluster may know more.

#include <nlohmann/json.hpp>

#include <string_view>

namespace labctl::manifest {

struct Kind;

// Of every kind in kinds(), chosen by the document's own `kind`; a Kubernetes kind
// that is not among them is let through.
nlohmann::json json_schema();

// Of one kind alone.
nlohmann::json json_schema(const Kind& kind);

}  // namespace labctl::manifest
