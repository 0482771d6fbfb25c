#include "labctl/objects/deletion.hpp"

#include "labctl/objects/fields.hpp"
#include "labctl/objects/pod_course.hpp"
#include "labctl/store/store.hpp"
#include "topology/base/timestamp.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::objects {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kDefaultGrace{30};

void orphan_dependents(store::Store& store, const std::string& uid) {
  const std::map<store::Key, store::ObjectPtr> dependents = store.owned_by(uid);
  for (const auto& [key, dependent] : dependents) {
    store.modify(key, [&](json& object) {
      drop_finalizer(object, kJobTracking);  // nobody counts it any more
      json& owners = object["metadata"]["ownerReferences"];
      owners.erase(std::remove_if(owners.begin(), owners.end(),
                                  [&](const json& owner) { return text_at(owner, "uid") == uid; }),
                   owners.end());
      if (owners.empty()) {
        object["metadata"].erase("ownerReferences");
      }
    });
  }
}

store::ObjectPtr mark_pod(store::Store& store, const store::Key& key, const json& pod,
                          std::optional<std::chrono::seconds> wanted) {
  const std::chrono::seconds own{number_at(pod, "spec.terminationGracePeriodSeconds", kDefaultGrace.count())};
  const std::chrono::seconds grace = std::max(wanted.value_or(own), std::chrono::seconds{0});
  if (is_being_deleted(pod) &&
      grace.count() >= number_at(pod, "metadata.deletionGracePeriodSeconds", kDefaultGrace.count())) {
    return store.get(key);
  }
  return store.modify(key, [&](json& object) {
    object["metadata"]["deletionTimestamp"] = timestamp(store.clock().wall() + grace);
    object["metadata"]["deletionGracePeriodSeconds"] = grace.count();
  });
}

store::ObjectPtr mark(store::Store& store, const store::Key& key, const DeleteOptions& options) {
  return store.modify(key, [&](json& object) {
    json& metadata = object["metadata"];
    if (!is_being_deleted(object)) {
      metadata["deletionTimestamp"] = timestamp(store.clock().wall());
      metadata["deletionGracePeriodSeconds"] = 0;
    }
    if (options.waits_for_dependents && !has_finalizer(object, kForegroundDeletion)) {
      metadata["finalizers"].push_back(kForegroundDeletion);
    }
  });
}

}  // namespace

bool has_balancer_finalizer(const json& service) { return has_finalizer(service, kBalancerFinalizer); }

bool has_finalizer(const json& object, std::string_view name) {
  const json& finalizers = list_at(object, "metadata.finalizers");
  return std::find(finalizers.begin(), finalizers.end(), name) != finalizers.end();
}

bool has_finalizers(const json& object) { return !list_at(object, "metadata.finalizers").empty(); }

bool drop_finalizer(json& object, std::string_view name) {
  if (!has_finalizer(object, name)) {
    return false;
  }
  json& finalizers = object["metadata"]["finalizers"];
  finalizers.erase(std::remove(finalizers.begin(), finalizers.end(), name), finalizers.end());
  if (finalizers.empty()) {
    object["metadata"].erase("finalizers");
  }
  return true;
}

store::ObjectPtr delete_object(store::Store& store, const store::Key& key, const DeleteOptions& options) {
  const store::ObjectPtr object = store.get(key);
  if (options.orphans_dependents) {
    orphan_dependents(store, uid_of(*object));
  }
  if (key.resource == "pods" && lives_on_node(*object)) {
    return mark_pod(store, key, *object, options.grace);
  }
  if (key.resource == "namespaces") {
    return is_being_deleted(*object) ? object : store.modify(key, [&](json& ns) {
      ns["metadata"]["deletionTimestamp"] = timestamp(store.clock().wall());
      ns["status"]["phase"] = "Terminating";
    });
  }
  DeleteOptions marked = options;
  marked.waits_for_dependents = options.waits_for_dependents && !store.owned_by(uid_of(*object)).empty();
  if (has_finalizers(*object) || marked.waits_for_dependents) {
    return mark(store, key, marked);
  }
  return store.remove(key);
}

}  // namespace labctl::objects
