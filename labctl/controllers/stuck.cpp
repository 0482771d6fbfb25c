#include "labctl/controllers/stuck.hpp"

#include "labctl/controllers/pods/nodes.hpp"
#include "labctl/controllers/workloads/workload.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::hold_name;
using objects::is_being_deleted;
using objects::name_of;
using objects::number_at;
using objects::text_at;
using objects::uid_of;
using store::Key;
using store::ObjectPtr;

// The lab's own finalizers go by themselves; others may stay for as long as their owners like.
bool is_held_by_a_client(const json& object) {
  const json& finalizers = objects::list_at(object, "metadata.finalizers");
  return std::any_of(finalizers.begin(), finalizers.end(), [](const json& one) {
    return one != objects::kBalancerFinalizer && one != objects::kJobTracking &&
           one != objects::kForegroundDeletion;
  });
}

using HeldPods = std::map<Key, HeldPod>;

std::vector<ObjectPtr> pods_of(const store::Store& store, const json& owner) {
  std::vector<ObjectPtr> pods;
  for (const auto& [key, object] : store.owned_by(uid_of(owner))) {
    if (key.resource == "pods") {
      pods.push_back(object);
    }
  }
  return pods;
}

// Nothing if the pod is at rest, or somebody is to lead it on.
std::string why_pod(const json& pod, const HeldPods& held, const Key& key) {
  const auto found = held.find(key);
  const objects::PodHold hold = found == held.end() ? objects::PodHold::None : found->second.hold;
  const bool is_namesake = found != held.end() && found->second.uid != uid_of(pod);
  const objects::PodWish wish = objects::wish_of(pod);
  const objects::PodAct act = objects::next_act(is_namesake ? std::nullopt : std::optional(wish), hold);
  switch (act) {
    case objects::PodAct::Nothing:
      return hold == objects::PodHold::None && !wish.is_assigned && !wish.is_finished &&
                     !wish.is_being_deleted && objects::condition(pod, "PodScheduled") == nullptr
                 ? "has no place, and the scheduler has not said why"
                 : "";
    case objects::PodAct::Disconnect:
      return "";
    case objects::PodAct::Stop:
    case objects::PodAct::StopAtOnce:
      if (hold == objects::PodHold::Stopping) {
        return "";
      }
      break;
    default:
      break;
  }
  return std::string(wish.is_being_deleted ? "is being deleted"
                     : is_namesake         ? "has the name of another"
                                           : "is to run") +
         ", and is " + std::string(hold_name(hold));
}

std::string why_held(const HeldPod& held) {
  return held.hold == objects::PodHold::Stopping
             ? ""
             : "its object has gone, and it is " + std::string(hold_name(held.hold));
}

std::string why_namespace(const store::Store& store, const json& ns) {
  if (!is_being_deleted(ns)) {
    return "";
  }
  const std::vector<Key> inside = store.keys_in_namespace(name_of(ns));
  if (inside.empty()) {
    return is_held_by_a_client(ns) ? "" : "is being deleted, and is empty";
  }
  const auto left = std::find_if(inside.begin(), inside.end(), [&](const Key& key) {
    const ObjectPtr object = store.find(key);
    return object != nullptr && !is_being_deleted(*object);
  });
  return left == inside.end() ? "" : "is being deleted, and nobody deletes " + store::to_string(*left);
}

std::string why_replica_set(const store::Store& store, const json& set) {
  const std::vector<ObjectPtr> pods = pods_of(store, set);
  const auto active =
      std::count_if(pods.begin(), pods.end(), [](const ObjectPtr& pod) { return objects::is_active(*pod); });
  const std::int64_t wanted = std::max<std::int64_t>(number_at(set, "spec.replicas", 1), 0);
  return active == wanted || (active < wanted && store.count("pods") >= kPodsPerLab)
             ? ""
             : "has " + std::to_string(active) + " pods of " + std::to_string(wanted);
}

std::string why_stateful_set(const store::Store& store, const json& set) {
  const std::int64_t first = std::max<std::int64_t>(number_at(set, "spec.ordinals.start", 0), 0);
  const std::int64_t end = first + std::max<std::int64_t>(number_at(set, "spec.replicas", 1), 0);
  const bool is_ordered = text_at(set, "spec.podManagementPolicy") != "Parallel";
  for (std::int64_t ordinal = first; ordinal < end; ++ordinal) {
    const std::string name = name_of(set) + "-" + std::to_string(ordinal);
    const ObjectPtr pod = store.find({"pods", objects::namespace_of(set), name});
    if (pod == nullptr) {
      return store.count("pods") >= kPodsPerLab ? "" : "nobody makes " + name;
    }
    if (is_ordered && (!objects::is_ready(*pod) || is_being_deleted(*pod))) {
      return "";  // it waits for this one
    }
  }
  return "";
}

// All its owners are gone.
bool is_garbage(const store::Store& store, const json& object) {
  const json& owners = objects::list_at(object, "metadata.ownerReferences");
  return !owners.empty() && std::none_of(owners.begin(), owners.end(), [&](const json& owner) {
    return store.key_of_uid(text_at(owner, "uid")).has_value();
  });
}

std::string why_object(const store::Store& store, const Key& key, const json& object) {
  if (key.resource == "namespaces") {
    return why_namespace(store, object);
  }
  if (is_being_deleted(object)) {
    return is_held_by_a_client(object) ? "" : "is being deleted, and nobody holds it";
  }
  if (is_garbage(store, object)) {
    return "its owners are gone";
  }
  return key.resource == "replicasets"    ? why_replica_set(store, object)
         : key.resource == "statefulsets" ? why_stateful_set(store, object)
                                          : "";
}

constexpr std::array kResources{"namespaces",          "services",       "deployments", "replicasets",
                                "statefulsets",        "daemonsets",     "jobs",        "cronjobs",
                                "controllerrevisions", "endpointslices", "endpoints"};

}  // namespace

std::vector<Stuck> find_stuck(const store::Store& store, const HeldPods& held) {
  std::vector<Stuck> stuck;
  const auto note = [&](const Key& key, std::string why) {
    if (!why.empty()) {
      stuck.push_back({key, std::move(why)});
    }
  };
  for (const ObjectPtr& pod : store.list("pods")) {
    const Key key = key_in("pods", *pod);
    note(key, why_pod(*pod, held, key));
    if (!is_being_deleted(*pod) && is_garbage(store, *pod)) {
      note(key, "its owners are gone");
    }
  }
  for (const auto& [key, pod] : held) {
    if (store.find(key) == nullptr) {
      note(key, why_held(pod));
    }
  }
  for (const char* resource : kResources) {
    for (const ObjectPtr& object : store.list(resource)) {
      const Key key = key_in(resource, *object);
      note(key, why_object(store, key, *object));
    }
  }
  std::sort(stuck.begin(), stuck.end(), [](const Stuck& a, const Stuck& b) { return a.key < b.key; });
  return stuck;
}

std::string to_text(const std::vector<Stuck>& stuck) {
  std::string text;
  for (const Stuck& one : stuck) {
    text += store::to_string(one.key) + ": " + one.why + "\n";
  }
  return text;
}

}  // namespace labctl::controllers
