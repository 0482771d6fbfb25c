#pragma once

// How objects go: what DELETE does, for users and controllers alike.
//
// A pod that lives on a node (pod_course.hpp) is only marked: metadata.deletionTimestamp (when it must be
// gone) and deletionGracePeriodSeconds. The lab ends what it holds of it and then removes the object. Every
// other pod has nothing to end and goes at once, as does any other object; what it owned is garbage and
// follows (garbage.hpp). A Namespace is marked and goes when it is empty. An object with metadata.finalizers is
// marked and goes when the last of them is taken away (concepts, "Finalizers"); the lab's own are those below.

#include "labctl/store/change.hpp"

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

namespace labctl::store {
class Store;
}

namespace labctl::objects {

// Holds a Service until its balancer's address is gone.
inline constexpr std::string_view kBalancerFinalizer = "service.kubernetes.io/load-balancer-cleanup";
bool has_balancer_finalizer(const nlohmann::json& service);
// Holds a pod of a Job until the Job has counted how it ended.
inline constexpr std::string_view kJobTracking = "batch.kubernetes.io/job-tracking";
// Holds a PersistentVolumeClaim until no pod uses it.
inline constexpr std::string_view kClaimProtection = "kubernetes.io/pvc-protection";
// Holds an owner that is deleted in the foreground until what it owned has gone.
inline constexpr std::string_view kForegroundDeletion = "foregroundDeletion";

bool has_finalizer(const nlohmann::json& object, std::string_view name);
// Something holds it: it does not go when it is deleted.
bool has_finalizers(const nlohmann::json& object);
// Takes one out of metadata.finalizers; whether it was there.
bool drop_finalizer(nlohmann::json& object, std::string_view name);

struct DeleteOptions {
  // Nothing: the pod's own terminationGracePeriodSeconds (30). A pod already
  // being deleted only gets a shorter grace.
  std::optional<std::chrono::seconds> grace;
  bool orphans_dependents = false;    // propagationPolicy Orphan: what it owned stays, without an owner
  bool waits_for_dependents = false;  // Foreground: it goes after what it owns
};

// The object as it is afterwards (marked), or its last state when it is gone. Throws Error: NotFound.
store::ObjectPtr delete_object(store::Store& store, const store::Key& key, const DeleteOptions& options = {});

}  // namespace labctl::objects
