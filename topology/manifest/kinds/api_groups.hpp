#pragma once

// The API groups that are Kubernetes' own, and what becomes of an object that is of no kind of a lab. A kind
// is its group, version and name: a Service of serving.knative.dev is no Service.

#include <string>
#include <string_view>

namespace labctl::manifest {

// "apps" of "apps/v1"; empty for the core group.
std::string_view group_of(std::string_view api_version);

// Of a group that every API server of Kubernetes has, or had ("extensions"), whatever the version; labctl.dev
// is ours. Of all others a lab knows nothing: CustomResourceDefinitions and aggregated APIs define them.
bool is_own_group(std::string_view group);

// A pattern (ECMA 262) that matches apiVersions of Kubernetes' own groups, for JSON Schema.
std::string own_groups_pattern();

struct MissingKind {
  // The API server has no such kind, as it says itself; else the object is merely left out.
  bool is_error = false;
  // It is the apiVersion that is wrong, not the kind's name.
  bool is_wrong_version = false;
  std::string message;
  std::string hint;
  std::string subject;  // the kind's name in a summary: "Certificate", "Service.serving.knative.dev"
};

// About an object whose kind is none of kinds(). A pair that an API server of Kubernetes 1.30 or later does
// not serve is an error in its own words ("no matches for kind ...").
MissingKind missing_kind(std::string_view api_version, std::string_view kind);

}  // namespace labctl::manifest
