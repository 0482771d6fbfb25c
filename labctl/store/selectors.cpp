#include "labctl/store/selectors.hpp"

#include "topology/base/error.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace labctl::store {
namespace {

using model::SelectorRequirement;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// At commas outside parentheses.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t start = 0;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
    if (text[i] == ',' && depth == 0) {
      parts.push_back(trimmed(text.substr(start, i - start)));
      start = i + 1;
    }
  }
  parts.push_back(trimmed(text.substr(start)));
  return parts;
}

Error refused(std::string_view what, std::string_view text) {
  return {ErrorKind::InvalidInput,
          std::string(what) + ": unable to parse requirement: \"" + std::string(text) + "\"",
          "use key=value, key!=value, key in (a,b), key notin (a,b), key or !key, joined by commas"};
}

bool is_word(std::string_view text, bool may_be_empty) {
  return (may_be_empty || !text.empty()) && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '/';
         });
}

// "key in (a, b)": nothing when `text` has another form.
std::optional<SelectorRequirement> parse_set(std::string_view text) {
  const auto open = text.find('(');
  if (open == std::string_view::npos || text.back() != ')') {
    return std::nullopt;
  }
  const std::string_view head = trimmed(text.substr(0, open));
  const auto space = head.find_first_of(" \t");
  if (space == std::string_view::npos) {
    return std::nullopt;
  }
  SelectorRequirement requirement;
  requirement.key = head.substr(0, space);
  const std::string_view op = trimmed(head.substr(space));
  if (op != "in" && op != "notin") {
    return std::nullopt;
  }
  requirement.op = op == "in" ? SelectorRequirement::Operator::In : SelectorRequirement::Operator::NotIn;
  for (const std::string_view value : split(text.substr(open + 1, text.size() - open - 2))) {
    if (!is_word(value, true)) {
      return std::nullopt;
    }
    requirement.values.emplace_back(value);
  }
  return requirement;
}

// "key=value", "key==value", "key!=value", "key", "!key".
std::optional<SelectorRequirement> parse_simple(std::string_view text) {
  SelectorRequirement requirement;
  if (text.front() == '!') {
    requirement.op = SelectorRequirement::Operator::DoesNotExist;
    requirement.key = trimmed(text.substr(1));
    return requirement;
  }
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) {
    requirement.op = SelectorRequirement::Operator::Exists;
    requirement.key = text;
    return requirement;
  }
  const bool is_not = equals > 0 && text[equals - 1] == '!';
  const bool is_double = equals + 1 < text.size() && text[equals + 1] == '=';
  const std::string_view value = trimmed(text.substr(equals + (is_double ? 2 : 1)));
  if (!is_word(value, true)) {
    return std::nullopt;
  }
  requirement.op = is_not ? SelectorRequirement::Operator::NotIn : SelectorRequirement::Operator::In;
  requirement.key = trimmed(text.substr(0, equals - (is_not ? 1 : 0)));
  requirement.values.emplace_back(value);
  return requirement;
}

SelectorRequirement::Operator parse_operator(const std::string& name) {
  if (name == "In") {
    return SelectorRequirement::Operator::In;
  }
  if (name == "NotIn") {
    return SelectorRequirement::Operator::NotIn;
  }
  if (name == "Exists") {
    return SelectorRequirement::Operator::Exists;
  }
  if (name == "DoesNotExist") {
    return SelectorRequirement::Operator::DoesNotExist;
  }
  throw Error(ErrorKind::InvalidInput, "label selector: operator \"" + name + "\" is not known",
              "use In, NotIn, Exists or DoesNotExist");
}

// What Kubernetes lets clients select by, besides metadata.name and metadata.namespace.
struct SelectableFields {
  std::string_view resource;
  std::array<std::string_view, 12> paths;
};
constexpr std::array<SelectableFields, 4> kSelectable{{
    {"pods",
     {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
      "spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName"}},
    {"events",
     {"involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
      "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
      "reportingComponent", "source", "type"}},
    {"nodes", {"spec.unschedulable"}},
    {"namespaces", {"status.phase"}},
}};

bool is_selectable(std::string_view resource, std::string_view path) {
  if (path == "metadata.name" || path == "metadata.namespace") {
    return true;
  }
  return std::any_of(kSelectable.begin(), kSelectable.end(), [&](const SelectableFields& fields) {
    return fields.resource == resource &&
           std::find(fields.paths.begin(), fields.paths.end(), path) != fields.paths.end();
  });
}

// Null when there are none.
const nlohmann::json* labels_in(const nlohmann::json& object) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) {
    return nullptr;
  }
  const auto labels = metadata->find("labels");
  return labels == metadata->end() || !labels->is_object() ? nullptr : &*labels;
}

std::string text_of(const nlohmann::json& object, std::string_view path) {
  const nlohmann::json* at = &object;
  while (!path.empty()) {
    const auto dot = path.find('.');
    const auto member = at->is_object() ? at->find(std::string(path.substr(0, dot))) : at->end();
    if (!at->is_object() || member == at->end()) {
      return {};
    }
    at = &*member;
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  if (at->is_string()) {
    return at->get<std::string>();
  }
  return at->is_object() || at->is_array() || at->is_null() ? std::string() : at->dump();
}

}  // namespace

model::LabelSelector parse_label_selector(std::string_view text) {
  model::LabelSelector selector;
  if (trimmed(text).empty()) {
    return selector;
  }
  for (const std::string_view part : split(text)) {
    if (part.empty()) {
      throw refused("label selector", text);
    }
    auto requirement = parse_set(part);
    if (!requirement) {
      requirement = parse_simple(part);
    }
    if (!requirement || !is_word(requirement->key, false)) {
      throw refused("label selector", part);
    }
    selector.match_expressions.push_back(std::move(*requirement));
  }
  return selector;
}

model::LabelSelector selector_from_json(const nlohmann::json& json) {
  model::LabelSelector selector;
  if (json.is_null()) {
    return selector;
  }
  try {
    if (const auto labels = json.find("matchLabels"); labels != json.end() && !labels->is_null()) {
      selector.match_labels = labels->get<model::Labels>();
    }
    if (const auto expressions = json.find("matchExpressions");
        expressions != json.end() && !expressions->is_null()) {
      for (const nlohmann::json& expression : *expressions) {
        selector.match_expressions.push_back({expression.at("key").get<std::string>(),
                                              parse_operator(expression.at("operator").get<std::string>()),
                                              expression.value("values", std::vector<std::string>{})});
      }
    }
  } catch (const nlohmann::json::exception& e) {
    throw Error(ErrorKind::InvalidInput, std::string("label selector: ") + e.what());
  }
  return selector;
}

model::Labels labels_of(const nlohmann::json& object) {
  model::Labels labels;
  if (const nlohmann::json* found = labels_in(object)) {
    for (const auto& [key, value] : found->items()) {
      if (value.is_string()) {
        labels.emplace(key, value.get<std::string>());
      }
    }
  }
  return labels;
}

bool matches(const model::LabelSelector& selector, const nlohmann::json& object) {
  if (!selector.match_expressions.empty()) {
    return selector.matches(labels_of(object));
  }
  // The common case, asked of every pod of a workload: without a copy of the labels.
  const nlohmann::json* labels = selector.match_labels.empty() ? nullptr : labels_in(object);
  return std::all_of(selector.match_labels.begin(), selector.match_labels.end(), [&](const auto& wanted) {
    const auto found = labels == nullptr ? nlohmann::json::const_iterator() : labels->find(wanted.first);
    return labels != nullptr && found != labels->end() && *found == wanted.second;
  });
}

FieldSelector parse_field_selector(std::string_view resource, std::string_view text) {
  FieldSelector selector;
  if (trimmed(text).empty()) {
    return selector;
  }
  for (const std::string_view part : split(text)) {
    const auto equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      throw Error(ErrorKind::InvalidInput,
                  "field selector: unable to parse requirement: \"" + std::string(part) + "\"",
                  "use field=value or field!=value, joined by commas");
    }
    FieldRequirement requirement;
    requirement.is_equal = part[equals - 1] != '!';
    const bool is_double = equals + 1 < part.size() && part[equals + 1] == '=';
    requirement.path = trimmed(part.substr(0, equals - (requirement.is_equal ? 0 : 1)));
    requirement.value = trimmed(part.substr(equals + (is_double ? 2 : 1)));
    if (!is_selectable(resource, requirement.path)) {
      throw Error(ErrorKind::InvalidInput, "field selector: field label not supported: " + requirement.path);
    }
    selector.push_back(std::move(requirement));
  }
  return selector;
}

bool matches(const FieldSelector& selector, const nlohmann::json& object) {
  return std::all_of(selector.begin(), selector.end(), [&](const FieldRequirement& requirement) {
    return (text_of(object, requirement.path) == requirement.value) == requirement.is_equal;
  });
}

}  // namespace labctl::store
