#include "labctl/controllers/garbage.hpp"

#include "labctl/controllers/deletion.hpp"
#include "labctl/controllers/objects.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using store::Key;
using store::ObjectPtr;

bool is_gone(const Work& work, const json& owner) { return !work.store.key_of_uid(text_at(owner, "uid")); }

}  // namespace

void collect_dependents(Work& work, const std::string& uid) {
  if (work.store.key_of_uid(uid)) {
    return;
  }
  const std::map<Key, ObjectPtr> dependents = work.store.owned_by(uid);
  for (const auto& [key, dependent] : dependents) {
    const json& owners = dependent->at("metadata").at("ownerReferences");
    if (std::all_of(owners.begin(), owners.end(), [&](const json& owner) { return is_gone(work, owner); })) {
      if (!is_being_deleted(*dependent)) {
        delete_object(work.store, key);
      }
      continue;
    }
    work.store.modify(key, [&](json& object) {
      json& references = object["metadata"]["ownerReferences"];
      references.erase(std::remove_if(references.begin(), references.end(),
                                      [&](const json& owner) { return is_gone(work, owner); }),
                       references.end());
    });
  }
}

void empty_namespace(Work& work, const std::string& ns) {
  const Key key{"namespaces", "", ns};
  const ObjectPtr object = work.store.find(key);
  if (object == nullptr || !is_being_deleted(*object)) {
    return;
  }
  for (const Key& inside : work.store.keys_in_namespace(ns)) {
    const ObjectPtr found = work.store.find(inside);
    if (found != nullptr && !is_being_deleted(*found)) {
      delete_object(work.store, inside);
    }
  }
  if (work.store.keys_in_namespace(ns).empty()) {
    work.store.remove(key);
  }
}

}  // namespace labctl::controllers
