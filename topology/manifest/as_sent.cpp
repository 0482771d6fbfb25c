#include "topology/manifest/as_sent.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace labctl::manifest {
namespace {

// Fields of type *string (or a pointer to a named text) in k8s.io/api: there "" is a value, which is then
// refused or has a meaning of its own, as that of storageClassName. Endpoints have pointers where pods have
// none.
constexpr std::array kPointers{
    std::string_view("appProtocol"),         std::string_view("fsGroupChangePolicy"),
    std::string_view("ingressClassName"),    std::string_view("internalTrafficPolicy"),
    std::string_view("ipFamilyPolicy"),      std::string_view("loadBalancerClass"),
    std::string_view("preemptionPolicy"),    std::string_view("runtimeClassName"),
    std::string_view("storageClassName"),    std::string_view("timeZone"),
    std::string_view("trafficDistribution"), std::string_view("volumeAttributesClassName"),
    std::string_view("volumeMode")};

// Schemas all of whose texts are pointers: those of discovery.k8s.io.
bool has_pointers(const Schema& schema) {
  return schema.name.starts_with("endpoint") || schema.name.starts_with("EndpointSlice");
}

bool is_unset(const Field& field, const Schema& schema, const YamlNode& value) {
  return field.type == FieldType::String && value.is_string() && value.text.empty() && !field.is_required &&
         !has_pointers(schema) && !(schema.name == "container" && field.name == "restartPolicy") &&
         std::find(kPointers.begin(), kPointers.end(), field.name) == kPointers.end();
}

// 2.0 where 2 is meant.
bool is_whole(const Field& field, const YamlNode& value) {
  constexpr double kExactMax = 9'007'199'254'740'992;  // 2^53
  return (field.type == FieldType::Integer || field.type == FieldType::IntOrString) &&
         value.kind == YamlNode::Kind::Float && std::abs(value.number) <= kExactMax &&
         std::trunc(value.number) == value.number;
}

const YamlNode& whole(const YamlNode& value, YamlArena& arena) {
  YamlNode& copy = arena.make(YamlNode::Kind::Integer, value.mark);
  copy.integer = static_cast<std::int64_t>(value.number);
  copy.number = value.number;
  copy.text = std::to_string(copy.integer);
  return copy;
}

const YamlNode& list_as_sent(const YamlNode& list, const Schema& schema, YamlArena& arena) {
  std::vector<const YamlNode*> items;
  bool is_same = true;
  for (const YamlNode* item : list.items) {
    const YamlNode& sent = as_sent(*item, schema, arena);
    is_same = is_same && &sent == item;
    items.push_back(&sent);
  }
  if (is_same) {
    return list;
  }
  YamlNode& copy = arena.make(list.kind, list.mark);
  copy.items = std::move(items);
  return copy;
}

}  // namespace

const YamlNode& as_sent(const YamlNode& object, const Schema& schema, YamlArena& arena) {
  if (!object.is_mapping()) {
    return object;
  }
  std::vector<YamlEntry> entries;
  bool is_same = true;
  for (const YamlEntry& entry : object.entries) {
    const auto field = std::find_if(schema.fields.begin(), schema.fields.end(),
                                    [&](const Field& one) { return one.name == entry.key; });
    if (field == schema.fields.end()) {
      entries.push_back(entry);
      continue;
    }
    if (is_unset(*field, schema, *entry.value)) {
      is_same = false;
      continue;
    }
    YamlEntry kept = entry;
    if (is_whole(*field, *entry.value)) {
      kept.value = &whole(*entry.value, arena);
    } else if (field->schema != nullptr && entry.value->is_sequence()) {
      kept.value = &list_as_sent(*entry.value, *field->schema, arena);
    } else if (field->schema != nullptr) {
      kept.value = &as_sent(*entry.value, *field->schema, arena);
    }
    is_same = is_same && kept.value == entry.value;
    entries.push_back(std::move(kept));
  }
  if (is_same) {
    return object;
  }
  YamlNode& copy = arena.make(object.kind, object.mark);
  copy.entries = std::move(entries);
  copy.index_entries();
  return copy;
}

}  // namespace labctl::manifest
