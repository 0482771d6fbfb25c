#pragma once

// The namespace of objects that name none, as `kubectl -n` gives it: of files that tools print, such as
// `helm template --namespace shop`.

#include "topology/manifest/loader.hpp"
#include "topology/manifest/yaml/findings.hpp"

#include <set>
#include <string>

namespace labctl::manifest {

// The namespace that was asked for; nothing is when `ns` is empty. Throws Error: InvalidInput for what is no
// name of a namespace.
void ask_for_namespace(LoadOptions& options, const std::string& ns);

// `said` is metadata.namespace, which may be absent. Adds what is wrong when the object stands elsewhere and
// may not.
std::string read_namespace(const Place& said, const LoadOptions& options, Findings& findings);

// Those that are there, and the one that was asked for.
std::set<std::string> known_namespaces(const LoadOptions& options);

// What was asked for is made where nobody has: on a cluster kubectl says `namespaces "shop" not found`, in a lab
// there is nothing else the namespace could have been meant to be (helm: --create-namespace). Its Namespace
// comes first among the objects, when one of them stands in it.
void add_missing_namespace(Loaded& loaded, const LoadOptions& options);

}  // namespace labctl::manifest
