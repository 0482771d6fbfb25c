#pragma once

// YAML (or JSON) text to the values of a lab: the Cluster, Kubernetes objects, Scenarios.
// Files give a list of diagnostics, all of them at once, each with file, line and column;
// nothing may be applied while one is an error.
//
// What is not understood is never dropped in silence: an unknown kind or field, and a known one that this
// version does not act on, is a warning, listed once with the number of times it occurs; with
// LoadOptions::strict an error. Fields that can have no meaning in a lab without images, such as
// `resources`, stay warnings even then.
//
// Scalars are typed as kubectl types them (sigs.k8s.io/yaml): unquoted yes/no/on/off are
// booleans, y/n are strings, a quoted scalar is always a string, null is absent. load() is
// pure: no clock, no file, no lock; any thread.

#include "topology/base/diagnostic.hpp"
#include "topology/manifest/yaml/source.hpp"
#include "topology/model/cluster.hpp"
#include "topology/model/host_programs.hpp"

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace labctl::manifest {

// One object as Kubernetes would store it, API defaults and namespace filled in, `status` left out.
struct Object {
  std::string api_version;
  std::string kind;
  std::string ns;  // empty for kinds without a namespace
  std::string name;
  nlohmann::json json;
  SourcePosition where;  // of its first line
  // What kubectl would note as applied last (applied_text.hpp), with LoadOptions::keeps_applied.
  std::string last_applied{};
  // JSON pointer ("/spec/steps/0/probe") to position; filled for labctl.dev kinds only.
  std::map<std::string, SourcePosition> positions;
};

struct LoadOptions {
  bool strict = false;
  // Names the Cluster when the files do not.
  std::string default_name = "lab";
  // The namespace of objects that name none. With is_namespace_fixed it was asked for, as by kubectl's -n:
  // whoever names another is refused.
  std::string ns = "default";
  bool is_namespace_fixed = false;
  bool keeps_applied = false;
  // Of a running lab, beside those in the files and the four that always exist (default, kube-*).
  std::set<std::string> known_namespaces;
  // Of a running lab; with allow_cluster false and none given, node names are not checked.
  std::set<std::string> known_nodes;
  // Of a running lab: its ranges. Without them those of the files' Cluster count, or of the default one.
  std::optional<model::Network> known_network;
  // Of a running lab: the pods that it can carry, as model::pod_capacity says.
  std::optional<std::uint64_t> known_pod_capacity;
  // Of a running lab, or of one whose Cluster is elsewhere: whether it has DNS servers of its own.
  std::optional<bool> known_dns;
  // Whose programs of the host may run: of a Cluster that is elsewhere, and as the command line has it, whatever
  // the Cluster says. Nothing is checked of a running lab's objects, unless known_host_programs is there.
  std::optional<model::HostProgramPolicy> known_host_programs;
  std::optional<model::HostPrograms> host_programs;
  bool tells_host_programs = false;  // fields that run programs of the host are told of
  bool allows_remote_store = false;  // the Cluster's store may be on another machine
  // Objects that a lab makes by itself are left out (made_objects.hpp); false for a running lab: it has them.
  bool leaves_out_made = true;
  // Whether nothing else comes to the lab: selectors that fit nothing and names of what no file has are told of
  // then. If nobody says so, with allow_cluster: a running lab has more than the files.
  std::optional<bool> is_whole{};
  // Variables of scenarios that come from elsewhere, as from --set.
  std::set<std::string> known_variables;
  // False when applying to a running lab, whose Cluster is fixed: a Cluster is then an error.
  bool allow_cluster = true;
};

struct Loaded {
  std::optional<model::Cluster> cluster;  // when the files have one, labels of Node objects merged in
  nlohmann::json cluster_spec;            // as the files have it; null when they have none
  std::vector<Object> objects;            // Kubernetes kinds in file order, Lists flattened
  std::vector<Object> scenarios;          // Scenario and Probe kinds, validated
  // Scenarios with errors, for whoever wants to look at the files they name: any field may have any type.
  std::vector<Object> unsound_scenarios;
  std::vector<Diagnostic> diagnostics;  // in the order of sources, lines and columns
};

// Never throws on bad input: whatever is wrong is in `diagnostics`. Objects that are no good are left out of
// the result; with any error in `diagnostics` the caller applies nothing.
Loaded load(const std::vector<Source>& sources, const LoadOptions& options);

// One object as a client of a running lab sends it, checked and completed by the same rules as in a file.
// Its status is left out of the result. The object must not nest deeper than kDepthMax.
Loaded load_object(const nlohmann::json& object, const LoadOptions& options);

// What decoding an object of its kind would refuse: values of a wrong type in metadata, spec and status.
// Nothing of a kind that is not known.
std::vector<Diagnostic> check_types(const nlohmann::json& object);
// What is wrong with an object's status. The kind has one: false for a kind without status.
std::vector<Diagnostic> check_status(const nlohmann::json& object);
bool has_status(const nlohmann::json& object);

// The Cluster of the files, or the default one with the labels of the files' Node objects merged in.
model::Cluster cluster_or_default(const Loaded& loaded, std::string default_name);

}  // namespace labctl::manifest
