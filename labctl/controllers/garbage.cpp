#include "labctl/controllers/garbage.hpp"

#include "labctl/objects/contain.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::contain;
using objects::delete_object;
using objects::is_being_deleted;
using store::Key;
using store::ObjectPtr;

bool is_gone(const Work& work, const json& owner) {
  return !work.store.key_of_uid(objects::text_at(owner, "uid"));
}

constexpr std::string_view kCollector = "garbage-collector";

void collect(Work& work, const Key& key, const ObjectPtr& dependent) {
  const json& owners = objects::list_at(*dependent, "metadata.ownerReferences");
  if (std::all_of(owners.begin(), owners.end(), [&](const json& owner) { return is_gone(work, owner); })) {
    if (!is_being_deleted(*dependent)) {
      delete_object(work.store, key);
    }
    return;
  }
  work.store.modify(key, [&](json& object) {
    json& references = object["metadata"]["ownerReferences"];
    references.erase(std::remove_if(references.begin(), references.end(),
                                    [&](const json& owner) { return is_gone(work, owner); }),
                     references.end());
  });
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
    if (is_being_deleted(*dependent)) {
      continue;  // on its way already
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
  if (work.store.keys_in_namespace(ns).empty()) {
    work.store.remove(key);
  }
  return progress;
}

}  // namespace labctl::controllers
