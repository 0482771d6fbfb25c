#pragma once

// Scenario files below the paths a user names, loaded and checked together with all files they name: the
// cluster's, the manifests, and those that steps apply or delete. All mistakes of all files at once.

#include "labctl/report/tests/test_results.hpp"
#include "labctl/scenario/variables.hpp"
#include "topology/base/diagnostic.hpp"
#include "topology/manifest/loader.hpp"
#include "topology/model/cluster.hpp"

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace labctl::scenario {

// A scenario with everything that its lab is booted from.
struct Scenario {
  std::string name;  // with what it is expanded to: "pods[IPv6,vxlan]"
  manifest::Object document;
  std::filesystem::path folder;
  model::Cluster cluster;
  nlohmann::json cluster_spec;  // as the files have it
  std::vector<manifest::Object> objects;
  Variables variables;  // its vars, and ${families}, ${network}, ${dataplane} where it is expanded over them
};

struct DiscoverOptions {
  bool strict = false;
  std::set<std::string> variables;                   // set from elsewhere, as by --set
  std::optional<model::HostPrograms> host_programs;  // in place of what each Cluster says
  bool allows_remote_store = false;                  // a Cluster's store may be on another machine
  bool tells_host_programs = false;                  // fields that run programs of the host are told of
};

struct Discovered {
  std::vector<Scenario> scenarios;
  std::vector<Diagnostic> diagnostics;
  std::vector<std::string> files;  // all that were read, each once
  size_t objects = 0;              // Kubernetes objects in them
};

// A file is taken as it is; of a folder its scenario.yaml, or those of the folders below it, in order of
// their paths. Throws Error NotFound for a path that is not there.
Discovered discover(const std::vector<std::string>& paths, const DiscoverOptions& options = {});

// A result with what is known before the scenario has run.
report::ScenarioResult heading_of(const Scenario& scenario);

// The one path of what `path` leads to, links resolved; a pipe that a shell made has none but its own.
std::filesystem::path place_of(const std::filesystem::path& path);

// Its name is that of the file that a scenario's folder has.
bool is_scenario_file(const std::filesystem::path& file);
// Whether the text holds a Scenario, sound or not.
bool holds_scenario(const manifest::Source& source);

// The scenario.yaml files below a folder, in order of their paths.
std::vector<std::filesystem::path> scenario_files_below(const std::filesystem::path& folder);

}  // namespace labctl::scenario
