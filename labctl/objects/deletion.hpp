#pragma once

// How objects go: what DELETE does, for users and controllers alike.
//
// A pod that lives on a node (pod_course.hpp) is only marked: metadata.deletionTimestamp (when it must be
// gone) and deletionGracePeriodSeconds. The lab ends what it holds of it and then removes the object. Every
// other pod has nothing to end and goes at once, as does any other object; what it owned is garbage and
// follows (garbage.hpp). A Namespace is marked and goes when it is empty; a Service with a balancer is marked
// and goes with the balancer's address.

#include "labctl/store/change.hpp"

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

namespace labctl::store {
class Store;
}

namespace labctl::objects {

// Holds a Service until its balancer's address is gone; the only finalizer that holds anything.
inline constexpr std::string_view kBalancerFinalizer = "service.kubernetes.io/load-balancer-cleanup";
bool has_balancer_finalizer(const nlohmann::json& service);

struct DeleteOptions {
  // Nothing: the pod's own terminationGracePeriodSeconds (30). A pod already
  // being deleted only gets a shorter grace.
  std::optional<std::chrono::seconds> grace;
  bool orphans_dependents = false;  // propagationPolicy Orphan: what it owned stays, without an owner
};

// The object as it is afterwards (marked), or its last state when it is gone. Throws Error: NotFound.
store::ObjectPtr delete_object(store::Store& store, const store::Key& key, const DeleteOptions& options = {});

}  // namespace labctl::objects
