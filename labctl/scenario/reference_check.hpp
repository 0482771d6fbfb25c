#pragma once

// The names in a scenario's steps against what its lab will hold: nodes and outside hosts are those of the
// cluster and no others; pods and workloads come from the manifests.

#include "labctl/scenario/discovery.hpp"

#include <string>
#include <vector>

namespace labctl::scenario {

struct ReferenceCheck {
  const Scenario& scenario;
  const std::vector<manifest::Object>& step_objects;  // of the files that steps apply
  bool is_cluster_known = true;   // false: it could not be read, so nodes and outside hosts are not checked
  bool are_objects_known = true;  // false: some file could not be read, so pods and the like are not checked
};

// A node or outside host that is not there is an error. A pod or workload that no file declares is a warning:
// controllers name pods, and a program in the lab may make anything.
std::vector<Diagnostic> check_references(const ReferenceCheck& check);

// About the field at `pointer` ("/spec/steps/0/probe") of a labctl.dev document.
Diagnostic diagnostic_at(const manifest::Object& document, const std::string& pointer, Severity severity,
                         std::string message, std::string hint);

}  // namespace labctl::scenario
