#pragma once

// Scenario files to scenarios that can be run: the Scenario itself, its Cluster and the objects of its
// manifests, all validated, and expanded over families, network modes and data planes.

#include "labctl/report/test_results.hpp"
#include "labctl/scenario/variables.hpp"
#include "topology/base/diagnostic.hpp"
#include "topology/manifest/loader.hpp"
#include "topology/model/cluster.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace labctl::scenario {

struct Scenario {
  std::string name;  // with what it is expanded to: "pods[IPv6,vxlan]"
  manifest::Object document;
  std::filesystem::path folder;  // that its paths are relative to
  model::Cluster cluster;
  std::vector<manifest::Object> objects;
  Variables variables;  // its vars, and ${families}, ${network}, ${dataplane} where it is expanded over them
};

struct Discovered {
  std::vector<Scenario> scenarios;  // by file name, then in file order, then as expanded
  std::vector<Diagnostic> diagnostics;
};

// `paths` are files, or folders that are searched for scenario.yaml at any depth. Throws Error: NotFound for
// a path that is not there.
Discovered discover(const std::vector<std::string>& paths);

// A result with what is known before the scenario has run.
report::ScenarioResult heading_of(const Scenario& scenario);

}  // namespace labctl::scenario
