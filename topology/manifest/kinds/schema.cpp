#include "topology/manifest/kinds/schema.hpp"

#include <algorithm>
#include <cmath>

namespace labctl::manifest {
namespace {

bool is_scalar(const YamlNode& node) { return !node.is_mapping() && !node.is_sequence(); }

const char* wanted(const Field& field) {
  switch (field.type) {
    case FieldType::String:
      return "a text";
    case FieldType::Boolean:
      return "true or false";
    case FieldType::Integer:
      return "a whole number";
    case FieldType::Number:
      return "a number";
    case FieldType::IntOrString:
      return "a whole number or a text";
    case FieldType::Scalar:
      return "a text, a number or a boolean";
    case FieldType::StringMap:
      return "a mapping of texts";
    case FieldType::Object:
      return "a mapping";
    case FieldType::List:
      return "a list";
    case FieldType::Any:
      return "a value";
  }
  return "a value";
}

std::string mending(const Field& field, const YamlNode& node) {
  if (is_scalar(node) && !node.is_string() &&
      (field.type == FieldType::String || field.type == FieldType::StringMap)) {
    return "put it in quotes: \"" + node.text + "\"";
  }
  if (node.quoted && (field.type == FieldType::Integer || field.type == FieldType::Boolean)) {
    return "write it without quotes";
  }
  if (field.type == FieldType::List) {
    return field.schema == nullptr ? "write [value, value], or one \"- value\" a line"
                                   : "begin each item with \"- \"";
  }
  if (node.is_sequence() && (field.type == FieldType::Object || field.type == FieldType::StringMap)) {
    return "write its fields without \"- \"";
  }
  return {};
}

void wrong_type(const Place& place, const Field& field, Findings& findings) {
  const YamlNode& node = *place.node;
  if (field.type == FieldType::String && is_scalar(node)) {
    if (!field.values.empty()) {
      findings.error(
          place,
          "must be " + either({field.values.begin(), field.values.end()}) + ", got " + description(node),
          field.values.end() != std::find(field.values.begin(), field.values.end(), node.text)
              ? "put it in quotes: \"" + node.text + "\""
              : "");
      return;
    }
    // Quotes alone would not mend 5 where 5s is meant.
    const auto complaint = field.check != nullptr ? field.check(node.text) : std::nullopt;
    if (complaint) {
      findings.error(place, complaint->message, complaint->hint);
      return;
    }
  }
  findings.error(place, std::string("must be ") + wanted(field) + ", got " + description(node),
                 mending(field, node));
}

bool has_type(const YamlNode& node, FieldType type) {
  switch (type) {
    case FieldType::Any:
      return true;
    case FieldType::String:
      return node.is_string();
    case FieldType::Boolean:
      return node.kind == YamlNode::Kind::Boolean;
    case FieldType::Integer:
      return node.kind == YamlNode::Kind::Integer;
    case FieldType::Number:
      return node.kind == YamlNode::Kind::Integer || node.kind == YamlNode::Kind::Float;
    case FieldType::IntOrString:
      return node.kind == YamlNode::Kind::Integer || node.is_string();
    case FieldType::Scalar:
      return is_scalar(node);
    case FieldType::StringMap:
    case FieldType::Object:
      return node.is_mapping();
    case FieldType::List:
      return node.is_sequence();
  }
  return false;
}

void check_text(const Place& place, TextCheck check, Findings& findings) {
  if (check == nullptr) {
    return;
  }
  if (const auto complaint = check(place.text())) {
    findings.error(place, complaint->message, complaint->hint);
  }
}

void check_values(const Place& place, const Field& field, Findings& findings) {
  if (field.values.empty() || (field.may_be_variable && place.text().find("${") != std::string_view::npos) ||
      std::find(field.values.begin(), field.values.end(), place.text()) != field.values.end()) {
    return;
  }
  const std::vector<std::string_view> known(field.values.begin(), field.values.end());
  const std::string near = nearest(place.text(), known);
  findings.error(place,
                 "must be " + either({known.begin(), known.end()}) + ", got " + in_quotes(place.text()),
                 near.empty() ? "" : "did you mean " + near + "?");
}

void check_range(const Place& place, const Field& field, Findings& findings) {
  const std::int64_t value = place.node->integer;
  if (value >= field.min && value <= field.max) {
    return;
  }
  constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();
  const std::string bounds = field.max >= kLargest
                                 ? "at least " + std::to_string(field.min)
                                 : std::to_string(field.min) + " to " + std::to_string(field.max);
  findings.error(
      place,
      "must be " +
          (value > field.max && field.max >= kLargest ? "at most " + std::to_string(field.max) : bounds) +
          ", got " + std::to_string(value));
}

void check_number_range(const Place& place, const Field& field, Findings& findings) {
  const double value = place.node->number;
  if (!(value >= static_cast<double>(field.min) && value <= static_cast<double>(field.max))) {
    findings.error(place, "must be " + std::to_string(field.min) + " to " + std::to_string(field.max) +
                              ", got " + place.node->text);
  }
}

void check_is_text(const Place& place, bool is_confidential, Findings& findings) {
  if (!place || place.node->is_string()) {
    return;
  }
  const bool mends = is_scalar(*place.node);
  if (is_confidential) {
    findings.error(place, "must be a text", mends ? "put it in quotes" : "");
  } else {
    findings.error(place, "must be a text, got " + description(*place.node),
                   mends ? "put it in quotes: \"" + place.node->text + "\"" : "");
  }
}

void check_string_map(const Place& place, const Field& field, Findings& findings) {
  for (const YamlEntry& entry : place.node->entries) {
    const Place value = place.member(entry);
    if (field.check_key != nullptr) {
      if (const auto complaint = field.check_key(entry.key)) {
        Place key = value;
        key.mark = entry.mark;
        findings.error(key, complaint->message, complaint->hint);
      }
    }
    if (!value) {
      continue;  // null: the API drops it
    }
    if (!value.node->is_string()) {
      check_is_text(value, field.is_confidential, findings);
      continue;
    }
    check_text(value, field.check, findings);
  }
}

void check_list(const Place& place, const Field& field, Findings& findings) {
  if (place.size() < field.items_min) {
    findings.error(place, "must not be empty");
  }
  for (size_t i = 0; i < place.size(); ++i) {
    const Place item = place.item(i);
    if (!item) {
      findings.error(item, "an empty item", "write its value, or remove it");
    } else if (field.schema != nullptr) {
      check_schema(item, *field.schema, findings);
    } else if (!item.node->is_string()) {
      findings.error(item, "must be a text, got " + description(*item.node),
                     is_scalar(*item.node) ? "put it in quotes: \"" + item.node->text + "\"" : "");
    } else {
      check_text(item, field.check, findings);
      check_values(item, field, findings);
    }
  }
}

void check_field(const Place& place, const Field& field, Findings& findings) {
  const YamlNode& node = *place.node;
  if (field.type == FieldType::Object) {
    return check_schema(place, *field.schema, findings);
  }
  if (!has_type(node, field.type)) {
    return wrong_type(place, field, findings);
  }
  switch (field.type) {
    case FieldType::Any:
    case FieldType::Boolean:
    case FieldType::Scalar:
    case FieldType::Object:
      return;
    case FieldType::String:
      check_text(place, field.check, findings);
      return check_values(place, field, findings);
    case FieldType::Integer:
      return check_range(place, field, findings);
    case FieldType::Number:
      return check_number_range(place, field, findings);
    case FieldType::IntOrString:
      return node.is_string() ? check_text(place, field.check, findings)
                              : check_range(place, field, findings);
    case FieldType::StringMap:
      return check_string_map(place, field, findings);
    case FieldType::List:
      return check_list(place, field, findings);
  }
}

void check_type(const Place& place, const Field& field, Findings& findings) {
  if (!has_type(*place.node, field.type)) {
    wrong_type(place, field, findings);
  } else if (field.type == FieldType::Object) {
    check_types(place, *field.schema, findings);
  } else if (field.type == FieldType::StringMap) {
    for (const YamlEntry& entry : place.node->entries) {
      check_is_text(place.member(entry), field.is_confidential, findings);
    }
  } else if (field.type == FieldType::List) {
    for (size_t i = 0; i < place.size(); ++i) {
      const Place item = place.item(i);
      if (field.schema == nullptr || !item) {
        check_is_text(item, false, findings);
      } else {
        check_types(item, *field.schema, findings);
      }
    }
  }
}

// Mappings and lists with nothing in them, however deep: {loadBalancer: {}}.
bool is_hollow(const YamlNode& node) {
  return node.is_null() || (!is_scalar(node) &&
                            std::all_of(node.items.begin(), node.items.end(),
                                        [](const YamlNode* item) { return is_hollow(*item); }) &&
                            std::all_of(node.entries.begin(), node.entries.end(),
                                        [](const YamlEntry& entry) { return is_hollow(*entry.value); }));
}

// Nothing is said: an empty mapping or list, or the API's own default.
bool says_nothing(const YamlNode& node, std::string_view usual) {
  const bool is_false = node.kind == YamlNode::Kind::Boolean && !node.truth && usual.empty();
  return is_false || (is_scalar(node) ? !usual.empty() && node.text == usual : is_hollow(node));
}

void report_effect(const Place& place, const Schema& schema, const Field& field, Findings& findings) {
  if (field.effect == Effect::Used || says_nothing(*place.node, field.usual)) {
    return;
  }
  const std::string kind = std::string(schema.name) + "." + std::string(field.name);
  const std::string name(field.told_with.empty() ? field.name : field.told_with);
  switch (field.effect) {
    case Effect::Used:
      return;
    case Effect::Later:
      return findings.repeated(
          place, {kind, "accepted, but not applied yet", {}, true, true, Topic::NotApplied, name});
    case Effect::Nothing:
      return findings.repeated(
          place, {kind, "accepted, but has no effect in a lab", {}, true, false, Topic::NoEffect, name});
    case Effect::Reserved:
      return findings.repeated(place, {kind, "is kept by the lab itself; what the file says is dropped",
                                       "remove it", true, false, Topic::Dropped, name});
  }
}

void unknown_field(const Place& place, const Schema& schema, Findings& findings) {
  if (schema.is_open) {
    return;
  }
  std::string near;
  if (findings.has_room()) {
    std::vector<std::string_view> known;
    for (const Field& field : schema.fields) {
      known.push_back(field.name);
    }
    near = nearest(place.key, known);
  }
  findings.repeated(place, {std::string(schema.name) + "?" + std::string(place.key),
                            "unknown field in " + std::string(schema.name),
                            near.empty() ? "" : "did you mean " + near + "?", true, true, Topic::Unknown,
                            std::string(place.key)});
}

}  // namespace

std::string description(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::Null:
      return "nothing";
    case YamlNode::Kind::String:
      return "the text " + in_quotes(node.text);
    case YamlNode::Kind::Boolean: {
      const std::string_view canonical = node.truth ? "true" : "false";
      return "the boolean " + std::string(canonical) +
             (node.text == canonical ? "" : " (written " + node.text + ")");
    }
    case YamlNode::Kind::Integer:
    case YamlNode::Kind::Float:
      return "the number " + node.text;
    case YamlNode::Kind::Sequence:
      return "a list";
    case YamlNode::Kind::Mapping:
      return "a mapping";
  }
  return "a value";
}

void check_schema(const Place& place, const Schema& schema, Findings& findings) {
  if (!place.node->is_mapping()) {
    findings.error(place, "must be a mapping, got " + description(*place.node),
                   place.node->is_sequence() ? "write its fields without \"- \"" : "");
    return;
  }
  const size_t errors_before = findings.errors();
  for (const YamlEntry& entry : place.node->entries) {
    const auto field = std::find_if(schema.fields.begin(), schema.fields.end(),
                                    [&](const Field& known) { return known.name == entry.key; });
    const Place value = place.member(entry);
    if (field == schema.fields.end()) {
      unknown_field(value, schema, findings);
    } else if (value) {
      const size_t before = findings.errors();
      check_field(value, *field, findings);
      if (findings.errors() == before) {
        report_effect(value, schema, *field, findings);
      }
    }
  }
  for (const Field& field : schema.fields) {
    if (field.is_required && !place.field(field.name)) {
      findings.error(place.field(field.name), "is required");
    }
  }
  if (schema.check_always != nullptr) {
    schema.check_always(place, findings);
  }
  if (schema.check != nullptr && findings.errors() == errors_before) {
    schema.check(place, findings);
  }
}

void check_types(const Place& place, const Schema& schema, Findings& findings) {
  if (!place.node->is_mapping()) {
    findings.error(place, "must be a mapping, got " + description(*place.node));
    return;
  }
  for (const YamlEntry& entry : place.node->entries) {
    const auto field = std::find_if(schema.fields.begin(), schema.fields.end(),
                                    [&](const Field& known) { return known.name == entry.key; });
    if (const Place value = place.member(entry); value && field != schema.fields.end()) {
      check_type(value, *field, findings);
    }
  }
}

}  // namespace labctl::manifest
