#pragma once

// Label and field selectors as clients write them in queries (API concepts, "Labels and selectors"), and
// matching of JSON objects against them.

#include "topology/model/label_selector.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::store {

// "app=web,tier!=db,env in (a,b),env notin (c),gpu,!legacy". Empty text selects everything.
// Throws Error: InvalidInput.
model::LabelSelector parse_label_selector(std::string_view text);

// A meta/v1 LabelSelector (matchLabels, matchExpressions). Null or {} selects everything.
// Throws Error: InvalidInput.
model::LabelSelector selector_from_json(const nlohmann::json& selector);

// metadata.labels of an object; empty when absent.
model::Labels labels_of(const nlohmann::json& object);
bool matches(const model::LabelSelector& selector, const nlohmann::json& object);

struct FieldRequirement {
  std::string path;  // "metadata.name"
  std::string value;
  bool is_equal = true;
  bool operator==(const FieldRequirement&) const = default;
};
using FieldSelector = std::vector<FieldRequirement>;

// "metadata.name=web,status.phase!=Running", only over the fields Kubernetes selects `resource` by.
// Throws Error: InvalidInput.
FieldSelector parse_field_selector(std::string_view resource, std::string_view text);
// An absent field counts as "".
bool matches(const FieldSelector& selector, const nlohmann::json& object);

}  // namespace labctl::store
