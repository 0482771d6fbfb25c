#include "labctl/controllers/garbage.hpp"

#include "labctl/objects/contain.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::contain;
using objects::delete_object;
using objects::has_finalizer;
using objects::is_being_deleted;
using objects::kJobTracking;
using store::Key;
using store::ObjectPtr;

bool is_gone(const Work& work, const json& owner) {
  return !work.store.key_of_uid(objects::text_at(owner, "uid"));
}

constexpr std::string_view kCollector = "garbage-collector";

// Takes the references out that `is_past` tells of.
void drop_owners(Work& work, const Key& key, const std::function<bool(const json&)>& is_past) {
  work.store.modify(key, [&](json& object) {
    json& references = object["metadata"]["ownerReferences"];
    references.erase(std::remove_if(references.begin(), references.end(), is_past), references.end());
  });
}

void collect(Work& work, const Key& key, const ObjectPtr& dependent) {
  // Its Job counts it no more.
  if (const json* controller = objects::controller_of(*dependent);
      controller != nullptr && is_gone(work, *controller) && has_finalizer(*dependent, kJobTracking)) {
    work.store.modify(key, [](json& object) { objects::drop_finalizer(object, kJobTracking); });
  }
  if (is_being_deleted(*dependent)) {
    return;  // on its way already
  }
  const json& owners = objects::list_at(*dependent, "metadata.ownerReferences");
  const auto is_past = [&](const json& owner) { return is_gone(work, owner); };
  if (std::all_of(owners.begin(), owners.end(), is_past)) {
    delete_object(work.store, key);
  } else {
    drop_owners(work, key, is_past);
  }
}

bool blocks(const json& dependent, const std::string& uid) {
  const json& owners = objects::list_at(dependent, "metadata.ownerReferences");
  return std::any_of(owners.begin(), owners.end(), [&](const json& owner) {
    return objects::text_at(owner, "uid") == uid && objects::is_true_at(owner, "blockOwnerDeletion");
  });
}

// What is owned by one that waits for it.
void collect_first(Work& work, const Key& key, const ObjectPtr& dependent, const std::string& uid) {
  const json& owners = objects::list_at(*dependent, "metadata.ownerReferences");
  const auto is_past = [&](const json& owner) {
    return objects::text_at(owner, "uid") == uid || is_gone(work, owner);
  };
  if (is_being_deleted(*dependent)) {
    return;
  }
  if (!std::all_of(owners.begin(), owners.end(), is_past)) {
    drop_owners(work, key, is_past);
    return;
  }
  objects::DeleteOptions options;
  options.waits_for_dependents = blocks(*dependent, uid);
  delete_object(work.store, key, options);
}

}  // namespace

Progress collect_dependents(Work& work, const std::string& uid) {
  if (work.store.key_of_uid(uid)) {
    return Progress::Done;
  }
  Progress progress = Progress::Done;
  std::size_t done = 0;
  const std::map<Key, ObjectPtr> dependents = work.store.owned_by(uid);
  for (const auto& [key, dependent] : dependents) {
    if (is_being_deleted(*dependent) && !has_finalizer(*dependent, kJobTracking)) {
      continue;
    }
    if (work.is_enough(done++)) {
      return Progress::Unfinished;
    }
    if (!contain(work.store, key, "FailedDelete", kCollector,
                 [&, &its_key = key, &its = dependent] { collect(work, its_key, its); })) {
      progress = Progress::Failed;
    }
  }
  return progress;
}

std::set<Key> leaving_after(const store::Store& store, const store::Change& change) {
  std::set<Key> leaving;
  if (change.type != store::ChangeType::Deleted) {
    // Pods go when the lab holds nothing of them, namespaces when they are empty.
    const bool goes_otherwise = change.key.resource == "pods" || change.key.resource == "namespaces";
    if (!goes_otherwise && is_being_deleted(*change.object)) {
      leaving.insert(change.key);
    }
    return leaving;
  }
  for (const json& owner : objects::list_at(*change.object, "metadata.ownerReferences")) {
    const auto key = store.key_of_uid(objects::text_at(owner, "uid"));
    const ObjectPtr found = key ? store.find(*key) : nullptr;
    if (found != nullptr && has_finalizer(*found, objects::kForegroundDeletion)) {
      leaving.insert(*key);
    }
  }
  return leaving;
}

Progress let_go(Work& work, const Key& key) {
  const ObjectPtr object = work.store.find(key);
  if (object == nullptr || !is_being_deleted(*object)) {
    return Progress::Done;
  }
  if (!objects::has_finalizers(*object)) {
    work.store.remove(key);
    return Progress::Done;
  }
  if (!has_finalizer(*object, objects::kForegroundDeletion)) {
    return Progress::Done;
  }
  const std::string& uid = objects::uid_of(*object);
  Progress progress = Progress::Done;
  const std::map<Key, ObjectPtr> dependents = work.store.owned_by(uid);
  for (const auto& [its_key, dependent] : dependents) {
    if (!contain(work.store, its_key, "FailedDelete", kCollector,
                 [&, &one_key = its_key, &one = dependent] { collect_first(work, one_key, one, uid); })) {
      progress = Progress::Failed;
    }
  }
  const auto& left = work.store.owned_by(uid);
  if (std::none_of(left.begin(), left.end(), [&](const auto& one) { return blocks(*one.second, uid); })) {
    work.store.modify(key, [](json& owner) { objects::drop_finalizer(owner, objects::kForegroundDeletion); });
  }
  return progress;
}

Progress empty_namespace(Work& work, const std::string& ns) {
  const Key key{"namespaces", "", ns};
  const ObjectPtr object = work.store.find(key);
  if (object == nullptr || !is_being_deleted(*object)) {
    return Progress::Done;
  }
  Progress progress = Progress::Done;
  std::size_t done = 0;
  std::vector<Key> keys = work.store.keys_in_namespace(ns);
  std::stable_partition(keys.begin(), keys.end(), [](const Key& one) { return one.resource != "pods"; });
  for (const Key& inside : keys) {
    const ObjectPtr found = work.store.find(inside);
    if (found == nullptr || is_being_deleted(*found)) {
      continue;
    }
    if (work.is_enough(done++)) {
      return Progress::Unfinished;
    }
    if (!contain(work.store, inside, "FailedDelete", kCollector,
                 [&] { delete_object(work.store, inside); })) {
      progress = Progress::Failed;
    }
  }
  if (work.store.keys_in_namespace(ns).empty() && !objects::has_finalizers(*object)) {
    work.store.remove(key);
  }
  return progress;
}

}  // namespace labctl::controllers
