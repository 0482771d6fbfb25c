#include "labctl/apiserver/three_way_merge.hpp"

#include "topology/manifest/json_tree.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace labctl::apiserver {
namespace {

using nlohmann::json;

const json kNothing = nullptr;

const json& member_of(const json& object, const std::string& name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? *found : kNothing;
}

// As it is written when nothing is there yet: null says that a field is absent.
json as_new(json value) {
  manifest::drop_nulls(value);
  return value;
}

// ---- Lists ------------------------------------------------------------------------------------------

// What tells an item of a list from the others; nothing when it does not say it, and the list cannot merge.
std::optional<std::string> key_of_item(const json& item, const PatchField& field) {
  if (field.is_set) {
    return item.is_structured() || item.is_null() ? std::nullopt : std::optional(item.dump());
  }
  std::string key;
  for (const std::string_view name : field.keys) {
    if (name.empty()) {
      continue;
    }
    const json& value = member_of(item, std::string(name));
    if (value.is_structured() || (value.is_null() && name != "protocol")) {
      return std::nullopt;
    }
    key += (value.is_null() ? json("TCP") : value).dump(-1, ' ', false, json::error_handler_t::replace) + "/";
  }
  return key;
}

// Items by their keys, in the order of the list. A second one of a key is another item, but in a set the same.
struct Keyed {
  struct Item {
    std::string key;
    std::size_t place;
  };
  std::vector<Item> items;
  std::map<std::string, std::size_t> places;

  std::optional<std::size_t> find(const std::string& key) const {
    const auto found = places.find(key);
    return found == places.end() ? std::nullopt : std::optional(found->second);
  }
};

std::optional<Keyed> keyed(const json& list, const PatchField& field) {
  Keyed out;
  std::map<std::string, std::size_t> times;
  for (std::size_t place = 0; place < list.size(); ++place) {
    std::optional<std::string> key = key_of_item(list[place], field);
    if (!key) {
      return std::nullopt;
    }
    if (const std::size_t before = times[*key]++; before > 0) {
      if (field.is_set) {
        continue;
      }
      *key += "#" + std::to_string(before);
    }
    out.places.emplace(*key, place);
    out.items.push_back({std::move(*key), place});
  }
  return out;
}

json merge_maps(const json& original, const json& modified, json live, const PatchType* type);

json merge_item(const json* original, const json& modified, const json* live, const PatchField& field) {
  if (live == nullptr || !live->is_object() || !modified.is_object()) {
    return as_new(modified);
  }
  json merged = merge_maps(original == nullptr ? kNothing : *original, modified, *live, field.type);
  if (field.retains_keys) {
    for (const auto& [name, value] : live->items()) {
      if (!modified.contains(name)) {
        merged.erase(name);
      }
    }
  }
  return merged;
}

// The items of `mine` in their order, and those of `others` (places in the live list) between them: each before
// the first of mine that stood behind it, but behind where the last one went.
json interleaved(std::vector<std::pair<std::optional<std::size_t>, json>> mine,
                 const std::vector<std::size_t>& others, const json& live) {
  json out = json::array();
  auto other = others.begin();
  for (auto& [place, item] : mine) {
    while (other != others.end() && place && *other < *place) {
      out.push_back(live[*other++]);
    }
    out.push_back(std::move(item));
  }
  for (; other != others.end(); ++other) {
    out.push_back(live[*other]);
  }
  return out;
}

json merge_lists(const json& original, const json& modified, const json& live, const PatchField& field) {
  const std::optional<Keyed> wanted = keyed(modified, field);
  const std::optional<Keyed> present = keyed(live, field);
  if (!wanted || !present) {
    return as_new(modified);
  }
  const Keyed before = original.is_array() ? keyed(original, field).value_or(Keyed{}) : Keyed{};
  std::vector<std::pair<std::optional<std::size_t>, json>> mine;
  for (const auto& [key, place] : wanted->items) {
    const std::optional<std::size_t> was = before.find(key), is = present->find(key);
    mine.emplace_back(
        is, merge_item(was ? &original[*was] : nullptr, modified[place], is ? &live[*is] : nullptr, field));
  }
  std::vector<std::size_t> others;
  for (const auto& [key, place] : present->items) {
    if (!wanted->find(key) && !before.find(key)) {
      others.push_back(place);
    }
  }
  return interleaved(std::move(mine), others, live);
}

// ---- Maps -------------------------------------------------------------------------------------------

json merge_values(const json& original, const json& modified, json live, const PatchField* field) {
  if (modified.is_object() && live.is_object()) {
    if (field != nullptr && field->is_replaced) {
      return as_new(modified);
    }
    return merge_item(&original, modified, &live, field == nullptr ? PatchField{} : *field);
  }
  if (modified.is_array() && live.is_array() && field != nullptr && field->merges_items()) {
    return merge_lists(original, modified, live, *field);
  }
  return as_new(modified);
}

json merge_maps(const json& original, const json& modified, json live, const PatchType* type) {
  if (original.is_object()) {
    for (const auto& [name, value] : original.items()) {
      if (!modified.contains(name)) {
        live.erase(name);
      }
    }
  }
  for (const auto& [name, value] : modified.items()) {
    const auto present = live.find(name);
    if (value.is_null()) {
      live.erase(name);
    } else if (present == live.end()) {
      live[name] = as_new(value);
    } else {
      const PatchField* field = type == nullptr ? nullptr : type->find(name);
      *present = merge_values(member_of(original, name), value, std::move(*present), field);
    }
  }
  return live;
}

}  // namespace

json three_way_merge(const json& original, const json& modified, json live, const PatchType& type) {
  return modified.is_object() && live.is_object() ? merge_maps(original, modified, std::move(live), &type)
                                                  : as_new(modified);
}

}  // namespace labctl::apiserver
