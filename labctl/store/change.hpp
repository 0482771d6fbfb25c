#pragma once

// Names of objects in the store, and what happened to one.

#include <compare>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace labctl::store {

// Shared because a watcher, a snapshot and the store may hold the same
// version; const, so nobody sees it change.
using ObjectPtr = std::shared_ptr<const nlohmann::json>;

struct Key {
  std::string resource;  // plural, as in URLs: "pods"
  std::string ns;        // empty for cluster-scoped objects
  std::string name;
  auto operator<=>(const Key&) const = default;
};

// "pods/default/web-0", "nodes/node-1".
std::string to_string(const Key& key);

// The key of an object of `resource`, from its metadata.
Key key_of(std::string resource, const nlohmann::json& object);

enum class ChangeType { Added, Modified, Deleted };

// "ADDED", "MODIFIED", "DELETED", as a watch says it.
const char* to_string(ChangeType type);

struct Change {
  ChangeType type = ChangeType::Added;
  Key key;
  ObjectPtr object;  // as it is now; for Deleted the last state, stamped with the version of the deletion
  ObjectPtr before;  // null for Added
  std::uint64_t version = 0;
};

}  // namespace labctl::store
