#include "topology/manifest/kinds/json_schema.hpp"

#include "topology/manifest/kinds/api_groups.hpp"
#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/kinds/verb_schema.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace labctl::manifest {
namespace {

using nlohmann::json;

constexpr const char* kDialect = "https://json-schema.org/draft/2020-12/schema";

// ---- Formats ------------------------------------------------------------------------------------
// A check is a function and cannot be printed. It is known by what it says of examples: a check that takes
// all of `good` and none of `bad` takes nothing that `pattern` does not match. One that fits no line gets no
// pattern, so that a check may change without this table knowing.
struct TextPattern {
  std::string_view pattern;
  std::array<std::string_view, 3> good;
  std::array<std::string_view, 4> bad;
};

constexpr TextPattern kTextPatterns[] = {
    {"^(0|([0-9.]+(ns|us|ms|s|m|h))+)$", {"5s", "150ms", "1m30s"}, {"", "5", "s", "5 s"}},
    {"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$", {"a", "web-0", "b2"}, {"", "Web", "web-", "a/b"}},
    {"^[0-9A-Fa-f:.]+/[0-9]{1,3}$",
     {"10.244.0.0/16", "fd00:10::/32", "192.0.2.1/32"},
     {"", "10.244.0.0", "a/b", "/16"}},
    {"^[0-9A-Fa-f:.]+$", {"192.0.2.1", "2001:db8::1", "198.51.100.80"}, {"", "10.0.0.0/8", "client", "1.2"}},
    {"^(pod/[^/]+/[^/]+|(node|outside)/[^/]+)$",
     {"pod/default/a", "node/node-1", "outside/www"},
     {"", "10.0.0.1", "pod/web", "deployment/default/web"}},
    {"^[a-z]+(/[^/]+){1,2}$",
     {"pod/default/a", "deployment/default/web", "namespace/shop"},
     {"", "web", "pod/web", "web/default/a"}},
    {"^/", {"/", "/a", "/status/readyReplicas"}, {"", "a", "status/a", "."}},
    {"^[0-9.]+%$", {"25%", "0%", "100%"}, {"", "x", "5m", "%"}},
    {"^[0-9]+-[0-9]+$", {"30000-32767", "1-65535", "80-90"}, {"", "80", "a-b", "80-"}},
};

constexpr std::string_view kVariable = "${x}";
constexpr std::string_view kVariablePattern = R"(\$\{)";

// A pattern for all that `check` lets through, or nothing.
std::optional<std::string> pattern_of(TextCheck check) {
  if (check == nullptr) {
    return std::nullopt;
  }
  const auto takes = [&](std::string_view text) { return !check(text); };
  const auto refuses = [&](std::string_view text) { return check(text).has_value(); };
  const bool is_variable = takes(kVariable);
  for (const TextPattern& known : kTextPatterns) {
    if (std::all_of(known.good.begin(), known.good.end(), takes) &&
        std::all_of(known.bad.begin(), known.bad.end(), refuses)) {
      const std::string pattern(known.pattern);
      return is_variable ? pattern + "|" + std::string(kVariablePattern) : pattern;
    }
  }
  // A number's check: no text but a variable's.
  if (check == only_variable) {
    return std::string(kVariablePattern);
  }
  return std::nullopt;
}

// ---- Fields -------------------------------------------------------------------------------------
// Null is absent, as in the loader: a field that is not required may be null.
json type_of(std::initializer_list<const char*> types, bool is_required) {
  json out = types;
  if (!is_required) {
    out.push_back("null");
  }
  return out.size() == 1 ? out[0] : out;
}

void add_words(json& out, const Field& field, bool is_required) {
  if (const auto pattern = pattern_of(field.check)) {
    out["pattern"] = *pattern;
  }
  if (!field.values.empty()) {
    json words = field.values;
    if (!is_required) {
      words.push_back(nullptr);
    }
    if (field.may_be_variable) {
      out["anyOf"] = {{{"enum", std::move(words)}}, {{"pattern", kVariablePattern}}};
    } else {
      out["enum"] = std::move(words);
    }
  }
}

void add_range(json& out, const Field& field) {
  if (field.min != std::numeric_limits<std::int64_t>::min()) {
    out["minimum"] = field.min;
  }
  if (field.max != std::numeric_limits<std::int64_t>::max()) {
    out["maximum"] = field.max;
  }
}

json string_map_of(const Field& field) {
  json out{{"type", type_of({"object"}, field.is_required)}};
  out["additionalProperties"] = {{"type", type_of({"string"}, false)}};
  add_words(out["additionalProperties"], field, false);
  if (const auto pattern = pattern_of(field.check_key)) {
    out["propertyNames"] = {{"pattern", *pattern}};
  }
  return out;
}

const char* note_on(Effect effect) {
  switch (effect) {
    case Effect::Used:
      return nullptr;
    case Effect::Later:
      return "accepted, but not applied yet";
    case Effect::Nothing:
      return "accepted, but has no effect in a lab";
    case Effect::Reserved:
      return "kept by the lab itself; what the file says is dropped";
  }
  return nullptr;
}

// ---- Documents ----------------------------------------------------------------------------------
// One JSON Schema in the making: a definition for each table that the kinds lead to.
class Definitions {
 public:
  // A reference to the definition of a whole object.
  json of_kind(const Kind& kind) {
    const bool is_ours = kind.support == Support::Lab;
    const std::string name = add(*kind.schema, is_ours, std::string(kind.name));
    json& definition = all_[name];
    definition["properties"]["apiVersion"] = {{"const", kind.api_version}};
    definition["properties"]["kind"] = {{"const", kind.name}};
    definition["required"].push_back("apiVersion");
    definition["required"].push_back("kind");
    definition["type"] = "object";
    definition["title"] = kind.name;
    if (kind.support == Support::Kept || kind.support == Support::KeptForLater) {
      definition["description"] = "kept and shown, without effect";
    } else if (kind.support == Support::Later) {
      definition["description"] = "not acted on yet: the lab is built without it";
    }
    return reference(name);
  }

  json take() { return std::move(all_); }

 private:
  static json reference(const std::string& name) { return {{"$ref", "#/$defs/" + name}}; }

  // The name of the definition of `schema`, made if it is not there. `is_closed`: nothing but its fields.
  std::string add(const Schema& schema, bool is_closed, std::string name) {
    const auto [known, is_new] = names_.try_emplace({&schema, is_closed, name}, std::string());
    if (!is_new) {
      return known->second;
    }
    const std::string unique = known->second = free_name(std::move(name));
    all_[unique] = nullptr;  // the name is taken while its fields look for theirs
    json definition{{"type", {"object", "null"}}, {"title", schema.name}};
    definition["properties"] = json::object();
    for (const Field& field : schema.fields) {
      definition["properties"][std::string(field.name)] = property(schema, field, is_closed);
      if (field.is_required) {
        definition["required"].push_back(field.name);
      }
    }
    if (is_closed) {
      definition["additionalProperties"] = false;
    }
    all_[unique] = std::move(definition);
    return unique;
  }

  std::string add(const Schema& schema, bool is_closed) {
    std::string name(schema.name);
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == ' ' || c == '\''; }, '-');
    return add(schema, is_closed, std::move(name));
  }

  // Two tables may have one name ("probe").
  std::string free_name(std::string name) const {
    std::string candidate = name;
    for (int i = 2; all_.contains(candidate); ++i) {
      candidate = name + "-" + std::to_string(i);
    }
    return candidate;
  }

  json property(const Schema& schema, const Field& field, bool is_closed) {
    json out = value_of(field, is_closed);
    if (&schema == &kClusterSpec && field.name == "nodes") {
      out = {{"type", {"integer", "array", "null"}}, {"minimum", 1}, {"minItems", 1}};
    } else if (schema.name == "Scenario spec" && field.name == "cluster") {
      // By path, or as a Cluster says it.
      out = {{"anyOf", {{{"type", {"string", "null"}}}, reference(add(kClusterSpec, is_closed))}}};
    }
    if (const char* note = note_on(field.effect)) {
      out["description"] = note;
    }
    return out;
  }

  json value_of(const Field& field, bool is_closed) {
    const bool required = field.is_required;
    json out = json::object();
    switch (field.type) {
      case FieldType::Any:
        return out;
      case FieldType::String:
        out["type"] = type_of({"string"}, required);
        add_words(out, field, required);
        return out;
      case FieldType::Boolean:
        out["type"] = type_of({"boolean"}, required);
        return out;
      case FieldType::Integer:
        out["type"] = type_of({"integer"}, required);
        add_range(out, field);
        return out;
      case FieldType::Number:
        out["type"] = type_of({"number"}, required);
        return out;
      case FieldType::IntOrString:
        out["type"] = type_of({"integer", "string"}, required);
        add_range(out, field);
        add_words(out, field, required);
        return out;
      case FieldType::Scalar:
        out["type"] = type_of({"string", "number", "boolean"}, required);
        return out;
      case FieldType::StringMap:
        return string_map_of(field);
      case FieldType::Object:
        out = reference(add(*field.schema, is_closed));
        if (required) {
          out["type"] = "object";
        }
        return out;
      case FieldType::List:
        return list_of(field, is_closed);
    }
    return out;
  }

  json list_of(const Field& field, bool is_closed) {
    json out{{"type", type_of({"array"}, field.is_required)}};
    if (field.items_min > 0) {
      out["minItems"] = field.items_min;
    }
    if (field.schema != nullptr) {
      out["items"] = reference(add(*field.schema, is_closed));
      out["items"]["type"] = "object";
    } else {
      out["items"] = {{"type", "string"}};
      add_words(out["items"], field, true);
    }
    return out;
  }

  struct Key {
    const Schema* schema;
    bool is_closed;
    std::string name;  // kinds for later share one table and differ in apiVersion
    auto operator<=>(const Key&) const = default;
  };
  std::map<Key, std::string> names_;
  json all_ = json::object();
};

json document(const char* title) { return {{"$schema", kDialect}, {"title", title}}; }

// "if kind is NAME, then": an editor then says what is wrong with this Pod, not that it is no Deployment
// either. `api_version` says of which apiVersions: a Service of another group is nobody's business.
json choice(std::string_view kind, json api_version, json then) {
  return {{"if",
           {{"properties", {{"kind", {{"const", kind}}}, {"apiVersion", std::move(api_version)}}},
            {"required", {"kind"}}}},
          {"then", std::move(then)}};
}

// Any of the group's versions, so that a wrong one is told of; of a kind with several only its own.
json versions_of(const Kind& kind) {
  const auto rows = std::count_if(kinds().begin(), kinds().end(),
                                  [&](const Kind& other) { return other.name == kind.name; });
  if (rows > 1) {
    return {{"const", kind.api_version}};
  }
  return {{"pattern", kind.support == Support::Lab ? "^labctl\\.dev/" : own_groups_pattern()}};
}

}  // namespace

json json_schema() {
  Definitions definitions;
  json out = document("Files of labctl: labs, scenarios and Kubernetes objects");
  json names = json::array();
  json ours = json::array();
  json choices = json::array();
  for (const Kind& kind : kinds()) {
    choices.push_back(choice(kind.name, versions_of(kind), definitions.of_kind(kind)));
    names.push_back(kind.name);
    if (kind.support == Support::Lab) {
      ours.push_back(kind.name);
    }
  }
  choices.push_back(
      choice("List", {{"pattern", own_groups_pattern()}},
             {{"properties", {{"items", {{"type", {"array", "null"}}, {"items", {{"$ref", "#"}}}}}}}}));
  choices.push_back(
      {{"if", {{"properties", {{"apiVersion", {{"const", kLabApi}}}}}, {"required", {"apiVersion"}}}},
       {"then", {{"properties", {{"kind", {{"enum", std::move(ours)}}}}}}}});
  out["type"] = "object";
  out["required"] = {"apiVersion", "kind"};
  // The names that are known are for completion; others pass, as they do with a warning in the loader.
  out["properties"] = {{"apiVersion", {{"type", "string"}}},
                       {"kind", {{"anyOf", {{{"enum", std::move(names)}}, {{"type", "string"}}}}}}};
  out["allOf"] = std::move(choices);
  out["$defs"] = definitions.take();
  return out;
}

json json_schema(const Kind& kind) {
  Definitions definitions;
  json out = document(std::string(kind.name).c_str());
  out.update(definitions.of_kind(kind));
  out["$defs"] = definitions.take();
  return out;
}

}  // namespace labctl::manifest
