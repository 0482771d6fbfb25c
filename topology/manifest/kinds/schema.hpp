#pragma once

// What a kind of object may say, as tables: fields, types, formats, and what becomes of each. check_schema()
// walks a document by them. A schema may name a function for what its table cannot say.

#include "topology/manifest/yaml/findings.hpp"
#include "topology/manifest/yaml/text_format.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace labctl::manifest {

enum class FieldType {
  Any,  // not looked at
  String,
  Boolean,
  Integer,
  Number,  // integer or not
  IntOrString,
  Scalar,     // string, number or boolean
  StringMap,  // keys and values are strings
  Object,     // by Field::schema
  List,       // of strings, or of objects if there is a schema
};

enum class Effect {
  Used,
  Later,    // understood, but this version does not act on it: a warning, an error when strict
  Nothing,  // has no meaning in a lab (resources, probes of images, ...): always a warning
  Reserved  // set by the lab itself (status): what the file says is dropped, with a warning
};

struct Schema;

struct Field {
  std::string_view name;
  FieldType type = FieldType::Any;
  Effect effect = Effect::Used;
  bool is_required = false;
  const Schema* schema = nullptr;
  TextCheck check = nullptr;      // of a string, of each string of a list, of each value of a map
  TextCheck check_key = nullptr;  // of each key of a map
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  std::span<const std::string_view> values{};  // the only strings allowed, if any are named
  bool may_be_variable =
      false;             // a text with "${" in it need not be one of them: what fills it in is checked
  size_t items_min = 0;  // of a list
  bool is_confidential = false;  // no message says what stands there
  std::string_view told_with{};  // a field without effect is counted with this; empty: by its own name
  std::string_view usual{};  // the API's default: a field without effect that says only this gives no warning

  constexpr Field required() const {
    Field copy = *this;
    copy.is_required = true;
    return copy;
  }
  constexpr Field one_of(std::span<const std::string_view> words) const {
    Field copy = *this;
    copy.values = words;
    return copy;
  }
  // As one_of(); a variable may name it.
  constexpr Field one_of_or_variable(std::span<const std::string_view> words) const {
    Field copy = one_of(words);
    copy.may_be_variable = true;
    return copy;
  }
  constexpr Field confidential() const {
    Field copy = *this;
    copy.is_confidential = true;
    return copy;
  }
  constexpr Field not_empty() const {
    Field copy = *this;
    copy.items_min = 1;
    return copy;
  }
  constexpr Field later(std::string_view default_text = {}) const {
    return with(Effect::Later, default_text);
  }
  constexpr Field without_effect(std::string_view default_text = {}) const {
    return with(Effect::Nothing, default_text);
  }
  constexpr Field told_as(std::string_view other) const {
    Field copy = *this;
    copy.told_with = other;
    return copy;
  }
  constexpr Field with(Effect other, std::string_view default_text = {}) const {
    Field copy = *this;
    copy.effect = other;
    copy.usual = default_text;
    return copy;
  }
};

struct Schema {
  std::string_view name;  // what it describes, unique: "container", "pod spec"
  std::span<const Field> fields;
  // Called when the fields of the object are sound, with the object's place.
  void (*check)(const Place& place, Findings& findings) = nullptr;
  // Called for every mapping, so that no other mistake hides those it finds;
  // may take no field's type for granted.
  void (*check_always)(const Place& place, Findings& findings) = nullptr;
  bool is_open = false;  // what its table does not name is nobody's business: not looked at, not told of
};

// The words of the tables.
constexpr Field text(std::string_view name, TextCheck check = nullptr) {
  return {.name = name, .type = FieldType::String, .check = check};
}
constexpr Field boolean(std::string_view name) { return {.name = name, .type = FieldType::Boolean}; }
constexpr Field integer(std::string_view name, std::int64_t min, std::int64_t max) {
  return {.name = name, .type = FieldType::Integer, .min = min, .max = max};
}
constexpr Field count(std::string_view name) {
  return integer(name, 0, std::numeric_limits<std::int32_t>::max());
}
constexpr Field any_integer(std::string_view name) { return {.name = name, .type = FieldType::Integer}; }
constexpr Field port(std::string_view name) { return integer(name, 1, 65535); }
constexpr Field object(std::string_view name, const Schema& schema) {
  return {.name = name, .type = FieldType::Object, .schema = &schema};
}
constexpr Field list(std::string_view name, const Schema& schema) {
  return {.name = name, .type = FieldType::List, .schema = &schema};
}
constexpr Field texts(std::string_view name, TextCheck check = nullptr) {
  return {.name = name, .type = FieldType::List, .check = check};
}
constexpr Field string_map(std::string_view name, TextCheck key = nullptr, TextCheck value = nullptr) {
  return {.name = name, .type = FieldType::StringMap, .check = value, .check_key = key};
}
constexpr Field any(std::string_view name) { return {.name = name}; }
constexpr Field later(std::string_view name, std::string_view usual = {}) {
  return {.name = name, .effect = Effect::Later, .usual = usual};
}
constexpr Field without_effect(std::string_view name, std::string_view usual = {}) {
  return {.name = name, .effect = Effect::Nothing, .usual = usual};
}
constexpr Field reserved(std::string_view name) { return {.name = name, .effect = Effect::Reserved}; }
constexpr Field reserved(std::string_view name, const Schema& schema) {
  return object(name, schema).with(Effect::Reserved);
}

// Checks `place` (which must not be absent) against `schema`. Unknown fields are warnings, listed once each.
void check_schema(const Place& place, const Schema& schema, Findings& findings);

// The types of known fields alone, as decoding checks them: no format, no range, nothing that is required. A
// value that is sound in this way may be read by its table without surprise.
void check_types(const Place& place, const Schema& schema, Findings& findings);

// "a mapping", "the number 3", "the boolean true (written yes)": what stands there, for messages.
std::string description(const YamlNode& node);

}  // namespace labctl::manifest
