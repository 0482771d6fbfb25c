#include "labctl/apiserver/resource_rules.hpp"

#include "labctl/apiserver/pod_update_rules.hpp"
#include "labctl/apiserver/service_strategy.hpp"
#include "labctl/objects/conditions.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/error.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace labctl::apiserver {
namespace {

using nlohmann::json;
using objects::field;
using objects::text_at;

constexpr std::array kWorkloads{"deployments", "replicasets", "statefulsets", "daemonsets"};
// What may change in a StatefulSet's spec.
constexpr std::array kStatefulMutable{"replicas",
                                      "ordinals",
                                      "template",
                                      "updateStrategy",
                                      "minReadySeconds",
                                      "revisionHistoryLimit",
                                      "persistentVolumeClaimRetentionPolicy"};

constexpr std::array kKeptNamespaces{model::kDefaultNamespace, model::kSystemNamespace,
                                     model::kPublicNamespace};

bool is_workload(std::string_view resource) {
  return std::find(kWorkloads.begin(), kWorkloads.end(), resource) != kWorkloads.end();
}

bool differs(const json& before, const json& after, std::string_view path) {
  const json* one = field(before, path);
  const json* other = field(after, path);
  return (one == nullptr) != (other == nullptr) || (one != nullptr && *one != *other);
}

[[noreturn]] void refuse(const json& object, const std::string& what) {
  throw Error(ErrorKind::InvalidInput,
              text_at(object, "kind") + " \"" + objects::name_of(object) + "\" is invalid: " + what,
              "delete the object and create it again to change this");
}

// The spec of a pod without what may change in it.
json fixed_part(const json& pod) {
  const json* spec = field(pod, "spec");
  json fixed = spec == nullptr ? json::object() : *spec;
  fixed.erase("activeDeadlineSeconds");
  for (const char* list : {"containers", "initContainers"}) {
    if (const auto containers = fixed.find(list); containers != fixed.end() && containers->is_array()) {
      for (json& container : *containers) {
        if (container.is_object()) {
          container.erase("image");
        }
      }
    }
  }
  return fixed;
}

// validatePodUpdate(): a deadline may come or become shorter.
void check_deadline(const json& before, const json& after) {
  const json* old = field(before, "spec.activeDeadlineSeconds");
  const json* now = field(after, "spec.activeDeadlineSeconds");
  if (old != nullptr && old->is_number() && (now == nullptr || !now->is_number())) {
    refuse(after,
           "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to "
           "nil value");
  }
  if (old != nullptr && old->is_number() && *now > *old) {
    refuse(after, "spec.activeDeadlineSeconds: Invalid value: " + now->dump() +
                      ": must be less than or equal to previous value");
  }
}

json fixed_part_of_stateful_set(const json& object) {
  const json* spec = field(object, "spec");
  json fixed = spec == nullptr ? json::object() : *spec;
  for (const char* mutable_field : kStatefulMutable) {
    fixed.erase(mutable_field);
  }
  return fixed;
}

// ValidateConfigMapUpdate, ValidateSecretUpdate. What a Secret holds is not told.
void check_contents_unchanged(const json& before, const json& after) {
  if (differs(before, after, "type")) {
    refuse(after, "type: Invalid value: \"" + text_at(after, "type") + "\": field is immutable");
  }
  if (!objects::is_true_at(before, "immutable")) {
    return;
  }
  std::string changed;
  if (!objects::is_true_at(after, "immutable")) {
    changed = "immutable";
  } else if (differs(before, after, "data")) {
    changed = "data";
  } else if (differs(before, after, "binaryData")) {
    changed = "binaryData";
  }
  if (!changed.empty()) {
    refuse(after, changed + ": Forbidden: field is immutable when `immutable` is set");
  }
}

// A claim may ask for more once it is bound, for nothing else.
void check_claim_unchanged(const json& before, const json& after) {
  const auto fixed = [](const json& claim) {
    const json* spec = field(claim, "spec");
    json rest = spec == nullptr ? json::object() : *spec;
    if (text_at(claim, "status.phase") == "Bound" && rest.contains("resources")) {
      rest["resources"].erase("requests");
    }
    return rest;
  };
  json wanted = after;
  // The control loop writes it when it binds the claim: a file that does not say it leaves it.
  for (const char* given : {"volumeName", "storageClassName"}) {
    if (const json* value = field(before, std::string("spec.") + given); value != nullptr) {
      if (field(after, std::string("spec.") + given) == nullptr) {
        wanted["spec"][given] = *value;
      }
    }
  }
  if (fixed(before) != fixed(wanted)) {
    refuse(after,
           "spec: Forbidden: spec is immutable after creation except resources.requests and "
           "volumeAttributesClassName for bound claims");
  }
}

// While it is suspended and has not begun, where its pods may go is still open.
bool is_template_open(const json& job) {
  return objects::is_true_at(job, "spec.suspend") && field(job, "status.startTime") == nullptr;
}

json fixed_template(const json& job, bool is_open) {
  const json* found = field(job, "spec.template");
  json fixed = found == nullptr ? json::object() : *found;
  if (is_open) {
    for (const char* mutable_field : {"nodeSelector", "affinity", "tolerations", "schedulingGates"}) {
      fixed["spec"].erase(mutable_field);
    }
    fixed.erase("metadata");
  }
  return fixed;
}

void check_job_unchanged(const json& before, const json& after) {
  for (const char* name : {"selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex",
                           "managedBy", "successPolicy"}) {
    const std::string path = std::string("spec.") + name;
    if (differs(before, after, path)) {
      const json* value = field(after, path);
      refuse(after, path + ": Invalid value: " + (value == nullptr ? "null" : value->dump()) +
                        ": field is immutable");
    }
  }
  const json* completions = field(after, "spec.completions");
  const json* parallelism = field(after, "spec.parallelism");
  const bool is_elastic = text_at(after, "spec.completionMode") == "Indexed" && completions != nullptr &&
                          parallelism != nullptr && *completions == *parallelism;
  if (differs(before, after, "spec.completions") && !is_elastic) {
    refuse(after, "spec.completions: Invalid value: " +
                      (completions == nullptr ? "null" : completions->dump()) + ": field is immutable");
  }
  const bool is_open = is_template_open(before);
  const json wanted = fixed_template(after, is_open);
  if (fixed_template(before, is_open) != wanted) {
    refuse(after, "spec.template: Invalid value: " + wanted.dump() + ": field is immutable");
  }
}

// What is being deleted can only be let go.
void check_finalizers(const json& before, const json& after) {
  if (!objects::is_being_deleted(before)) {
    return;
  }
  std::string added;
  for (const json& one : objects::list_at(after, "metadata.finalizers")) {
    if (one.is_string() && !objects::has_finalizer(before, one.get_ref<const std::string&>())) {
      added += (added.empty() ? "" : ", ") + one.dump();
    }
  }
  if (!added.empty()) {
    refuse(after,
           "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, "
           "found new finalizers []string{" +
               added + "}");
  }
}

bool has_only_plain_members(const json& value) {
  if (!value.is_object()) {
    return !value.is_array();
  }
  return std::all_of(value.items().begin(), value.items().end(), [](const auto& member) {
    return !member.key().starts_with("$") && has_only_plain_members(member.value());
  });
}

}  // namespace

void prepare_new(std::string_view resource, json& object) {
  object.erase("status");
  if (resource == "pods") {
    object["status"] = {{"phase", "Pending"}, {"qosClass", objects::qos_class(object)}};
  } else if (resource == "namespaces") {
    object["metadata"]["labels"][model::kNamespaceNameLabel] = objects::name_of(object);
    object["spec"]["finalizers"] = {"kubernetes"};
    object["status"] = {{"phase", "Active"}};
  } else if (resource == "services") {
    object["status"] = {{"loadBalancer", json::object()}};
  } else if (resource == "persistentvolumeclaims" || resource == "persistentvolumes") {
    object["status"] = {{"phase", resource == "persistentvolumes" ? "Available" : "Pending"}};
  }
}

void keep_what_is_ours(const json& before, json& wanted) {
  if (const json* status = field(before, "status")) {
    wanted["status"] = *status;
  } else {
    wanted.erase("status");
  }
  json& metadata = wanted["metadata"];
  for (const char* ours : {"deletionTimestamp", "deletionGracePeriodSeconds", "generateName"}) {
    if (const json* value = field(before.at("metadata"), ours)) {
      metadata[ours] = *value;
    } else {
      metadata.erase(ours);
    }
  }
  let_go_of_second_family(before, wanted);
}

void check_unchanged(std::string_view resource, const json& before, const json& after) {
  check_finalizers(before, after);
  if (resource == "pods") {
    if (const std::string refused = refused_scheduling_change(before, after); !refused.empty()) {
      refuse(after, refused);
    }
    json fixed_before = fixed_part(before);
    json fixed_after = fixed_part(after);
    leave_out_scheduling(before, fixed_before);
    leave_out_scheduling(before, fixed_after);
    if (fixed_before != fixed_after) {
      refuse(after,
             "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`, "
             "`spec.initContainers[*].image`, `spec.activeDeadlineSeconds`, `spec.tolerations` (only "
             "additions to existing tolerations), `spec.terminationGracePeriodSeconds` (allow it to be set "
             "to 1 if it was previously negative)");
    }
    check_deadline(before, after);
  } else if (resource == "statefulsets") {
    if (fixed_part_of_stateful_set(before) != fixed_part_of_stateful_set(after)) {
      refuse(
          after,
          "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', "
          "'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
          "'minReadySeconds' are forbidden");
    }
  } else if (resource == "jobs") {
    check_job_unchanged(before, after);
  } else if (resource == "services" || resource == "endpointslices") {
    std::string changed;
    for (const std::string& complaint : changed_fixed_fields(before, after)) {
      changed += (changed.empty() ? "" : "; ") + complaint;
    }
    if (!changed.empty()) {
      refuse(after, changed);
    }
  } else if (is_workload(resource)) {
    if (differs(before, after, "spec.selector")) {
      const json* selector = field(after, "spec.selector");
      refuse(after, "spec.selector: Invalid value: " + (selector == nullptr ? "null" : selector->dump()) +
                        ": field is immutable");
    }
  } else if (resource == "configmaps" || resource == "secrets") {
    check_contents_unchanged(before, after);
  } else if (resource == "persistentvolumeclaims") {
    check_claim_unchanged(before, after);
  } else if (resource == "storageclasses") {
    for (const char* fixed : {"parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"}) {
      if (differs(before, after, fixed)) {
        refuse(after, std::string(fixed) + ": Forbidden: updates to " + fixed + " are forbidden.");
      }
    }
  } else if (resource == "priorityclasses") {
    for (const char* fixed : {"value", "preemptionPolicy"}) {
      if (differs(before, after, fixed)) {
        refuse(after, std::string(fixed) + ": Forbidden: may not be changed in an update.");
      }
    }
  } else if (resource == "rolebindings" || resource == "clusterrolebindings") {
    if (differs(before, after, "roleRef")) {
      refuse(after, "roleRef: Invalid value: cannot change roleRef");
    }
  }
}

void check_deletable(const store::Key& key) {
  if (key.resource == "priorityclasses" && key.name.starts_with("system-")) {
    throw Error(ErrorKind::Permission,
                "priorityclasses.scheduling.k8s.io \"" + key.name +
                    "\" is forbidden: this is a system priority class and cannot be deleted");
  }
  const bool is_kept =
      std::find(kKeptNamespaces.begin(), kKeptNamespaces.end(), key.name) != kKeptNamespaces.end();
  if (key.resource == "namespaces" && is_kept) {
    throw Error(ErrorKind::Permission,
                "namespaces \"" + key.name + "\" is forbidden: this namespace may not be deleted");
  }
  if (key.resource == "nodes") {
    throw Error(ErrorKind::Permission,
                "nodes \"" + key.name + "\" is forbidden: the nodes of a lab are its Cluster's",
                "set spec.nodes of the Cluster and bring the lab up again");
  }
}

bool is_plain_merge(const json& patch) { return patch.is_object() && has_only_plain_members(patch); }

bool has_scale(std::string_view resource) { return is_workload(resource) && resource != "daemonsets"; }

json scale_of(const json& workload) {
  std::string selector;
  if (const json* labels = field(workload, "spec.selector.matchLabels");
      labels != nullptr && labels->is_object()) {
    for (const auto& [key, value] : labels->items()) {
      selector +=
          (selector.empty() ? "" : ",") + key + "=" + (value.is_string() ? value.get<std::string>() : "");
    }
  }
  return {
      {"kind", "Scale"},
      {"apiVersion", "autoscaling/v1"},
      {"metadata",
       {{"name", objects::name_of(workload)},
        {"namespace", objects::namespace_of(workload)},
        {"uid", objects::uid_of(workload)},
        {"resourceVersion", text_at(workload, "metadata.resourceVersion")},
        {"creationTimestamp", text_at(workload, "metadata.creationTimestamp")}}},
      {"spec", {{"replicas", objects::number_at(workload, "spec.replicas", 1)}}},
      {"status", {{"replicas", objects::number_at(workload, "status.replicas", 0)}, {"selector", selector}}}};
}

std::int64_t replicas_in(const json& scale) {
  const json* replicas = field(scale, "spec.replicas");
  if (replicas == nullptr) {
    return 0;
  }
  if (!replicas->is_number_integer() || *replicas < 0 || *replicas > INT32_MAX) {
    throw Error(ErrorKind::InvalidInput,
                "Scale is invalid: spec.replicas: Invalid value: " + replicas->dump() +
                    ": must be a whole number greater than or equal to 0");
  }
  return replicas->get<std::int64_t>();
}

}  // namespace labctl::apiserver
