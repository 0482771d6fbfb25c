#pragma once

// How lists and unions of the API's types merge when an object is patched: the tags patchStrategy and
// patchMergeKey of k8s.io/api. What has no row here merges by names if it is a map, and is replaced whole if
// it is a list. Tables; pure.

#include <array>
#include <span>
#include <string_view>

namespace labctl::apiserver {

struct PatchType;

struct PatchField {
  std::string_view name;
  const PatchType* type =
      nullptr;  // of its value, or of each item of its list; null: nothing to tell below it
  // Of a list: what tells its items apart, the second "" where one is enough. All of the list's map keys, not
  // the patchMergeKey alone: by that kubectl mistakes port 53 of UDP for port 53 of TCP.
  std::array<std::string_view, 2> keys{};
  bool is_set = false;        // a list of texts that merges by value
  bool retains_keys = false;  // one of several (patchStrategy retainKeys): what the new one does not say goes
  bool is_replaced = false;   // a map that is taken whole

  bool merges_items() const { return is_set || !keys.front().empty(); }
};

struct PatchType {
  std::span<const PatchField> fields;

  // Null where the type's table says nothing of the field.
  const PatchField* find(std::string_view name) const;
};

// Of a whole object. A kind that Kubernetes itself does not have (a custom resource) has a table without rows:
// kubectl patches it by RFC 7396, to which a list is a value.
const PatchType& patch_type(std::string_view api_version, std::string_view kind);

}  // namespace labctl::apiserver
