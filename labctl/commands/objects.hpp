#pragma once

// Objects of a running lab, by the arguments of `get`, `describe` and `delete`.

#include "labctl/api/client.hpp"
#include "labctl/api/resource_kinds.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace labctl::commands {

// Which objects of one kind.
struct Selection {
  const api::ResourceKind* kind = nullptr;
  std::string ns;                  // empty: all namespaces, or a kind without
  std::vector<std::string> names;  // empty: all of them
};

// "pods", "pods,deploy web", "pod/a deploy/b", "all" (every kind within namespaces but events).
// Throws Error InvalidInput for a kind that is not served, with the nearest one as hint.
std::vector<Selection> parse_selections(const std::vector<std::string>& arguments, const std::string& ns,
                                        bool every_namespace);

struct ObjectList {
  std::vector<nlohmann::json> items;  // with apiVersion and kind filled in
  std::string resource_version;
};

struct ListFilter {
  std::string label_selector;
  std::string field_selector;
};

// Throws what Client throws.
ObjectList list_objects(api::Client& client, const api::ResourceKind& kind, const std::string& ns,
                        const ListFilter& filter = {});
// Throws Error NotFound: `pods "web-0" not found in namespace default`.
nlohmann::json get_object(api::Client& client, const api::ResourceKind& kind, const std::string& ns,
                          const std::string& name);

// The target of a watch from `resource_version` on.
std::string watch_target(const api::ResourceKind& kind, const std::string& ns, const ListFilter& filter,
                         const std::string& resource_version);

}  // namespace labctl::commands
