#pragma once

// Who is meant by files, and nothing else of them: what `kubectl delete -f` reads. What an object should look
// like is not asked, so that the files of a lab delete it whatever was wrong with them.

#include "topology/base/diagnostic.hpp"
#include "topology/manifest/yaml/source.hpp"

#include <string>
#include <vector>

namespace labctl::manifest {

struct Identity {
  std::string api_version;
  std::string kind;
  std::string ns;  // empty for kinds without a namespace
  std::string name;
};

struct Identities {
  std::vector<Identity> objects;  // in file order, Lists flattened, each once
  // Text that is no YAML, objects without a kind or name are errors; kinds that no lab has are left out with
  // a warning.
  std::vector<Diagnostic> diagnostics;
};

// `ns` is the namespace of objects that name none, and those that name another are errors then; empty when none
// was asked for. Throws Error: InvalidInput when it is no name.
Identities read_identities(const std::vector<Source>& sources, const std::string& ns = {});

}  // namespace labctl::manifest
