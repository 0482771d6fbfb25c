#pragma once

// What the API holds objects to whatever a client sends: what may never change, what only the lab writes, and
// what a new object starts with. The rules are those of the API server's strategies (core, apps). Pure.

#include "labctl/store/change.hpp"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace labctl::apiserver {

// Gives a new object what the API server would: no status of the client's, Pending for a pod, Active and the
// name label for a Namespace, an empty status for a Service.
void prepare_new(std::string_view resource, nlohmann::json& object);

// Takes into `wanted`, which is to replace `before`, what clients cannot write:
// status, and the metadata that is the lab's.
void keep_what_is_ours(const nlohmann::json& before, nlohmann::json& wanted);

// Throws Error: InvalidInput when an immutable field differs: the selector of a workload, most of a pod's and
// a StatefulSet's spec, what a Job runs, the addresses of a Service, the data of an immutable ConfigMap or
// Secret; or when what is being deleted gets another finalizer.
void check_unchanged(std::string_view resource, const nlohmann::json& before, const nlohmann::json& after);

// Throws Error: Permission for what clients may not delete: the nodes, which are the Cluster's, and the
// namespaces that every cluster has.
void check_deletable(const store::Key& key);

// A JSON merge patch as well as a strategic one: no lists, no directives, so that both do the same.
bool is_plain_merge(const nlohmann::json& patch);

// The Scale of a workload (autoscaling/v1).
bool has_scale(std::string_view resource);
nlohmann::json scale_of(const nlohmann::json& workload);
// spec.replicas of a Scale, 0 when it says none. Throws Error: InvalidInput
// unless a whole number of 0 or more.
std::int64_t replicas_in(const nlohmann::json& scale);

}  // namespace labctl::apiserver
