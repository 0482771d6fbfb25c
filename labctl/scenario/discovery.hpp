#pragma once

// Scenario files below the paths a user names, loaded and checked. All mistakes of all files at once.

#include "topology/base/diagnostic.hpp"
#include "topology/manifest/loader.hpp"
#include "topology/model/cluster.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace labctl::scenario {

// A scenario with everything that its lab is booted from.
struct Scenario {
  manifest::Object document;
  std::filesystem::path folder;
  model::Cluster cluster;
  std::vector<manifest::Object> objects;
};

struct Discovered {
  std::vector<Scenario> scenarios;
  std::vector<Diagnostic> diagnostics;
};

// A file is taken as it is; of a folder its scenario.yaml, or those of the folders below it, in order of
// their paths. Throws Error NotFound for a path that is not there.
Discovered discover(const std::vector<std::string>& paths);

}  // namespace labctl::scenario
