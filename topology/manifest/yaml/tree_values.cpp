#include "topology/manifest/yaml/tree_values.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace labctl::manifest {
namespace {

// "~" and "/" as RFC 6901 escapes them.
std::string escaped(std::string_view key) {
  std::string out;
  for (const char c : key) {
    out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  }
  return out;
}

void collect(const YamlNode& node, int source, const std::string& pointer, const Findings& findings,
             std::map<std::string, SourcePosition>& out) {
  out.emplace(pointer, findings.position(source, node.mark));
  for (const YamlEntry& entry : node.entries) {
    if (!entry.value->is_null()) {
      collect(*entry.value, source, pointer + "/" + escaped(entry.key), findings, out);
    }
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    collect(*node.items[i], source, pointer + "/" + std::to_string(i), findings, out);
  }
}

model::SelectorRequirement::Operator operator_of(std::string_view text) {
  using Operator = model::SelectorRequirement::Operator;
  return text == "In"       ? Operator::In
         : text == "NotIn"  ? Operator::NotIn
         : text == "Exists" ? Operator::Exists
                            : Operator::DoesNotExist;
}

}  // namespace

model::Labels labels_at(const Place& place) {
  model::Labels labels;
  if (place) {
    for (const YamlEntry& entry : place.node->entries) {
      if (entry.value->is_string()) {
        labels.emplace(entry.key, entry.value->text);
      }
    }
  }
  return labels;
}

model::LabelSelector selector_at(const Place& place) {
  model::LabelSelector selector;
  if (!place) {
    return selector;
  }
  selector.match_labels = labels_at(place.field("matchLabels"));
  const Place expressions = place.field("matchExpressions");
  for (size_t i = 0; i < expressions.size(); ++i) {
    const Place expression = expressions.item(i);
    model::SelectorRequirement requirement;
    requirement.key = expression.field("key").text();
    requirement.op = operator_of(expression.field("operator").text());
    const Place values = expression.field("values");
    for (size_t j = 0; j < values.size(); ++j) {
      requirement.values.emplace_back(values.item(j).text());
    }
    selector.match_expressions.push_back(std::move(requirement));
  }
  return selector;
}

std::vector<model::Taint> taints_at(const Place& place) {
  std::vector<model::Taint> taints;
  for (size_t i = 0; i < place.size(); ++i) {
    const Place taint = place.item(i);
    taints.push_back({std::string(taint.field("key").text()), std::string(taint.field("value").text()),
                      std::string(taint.field("effect").text())});
  }
  return taints;
}

std::vector<std::string> texts_at(const Place& place) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < place.size(); ++i) {
    texts.emplace_back(place.item(i).text());
  }
  return texts;
}

bool truth_at(const Place& place, bool otherwise) {
  return place && place.node->kind == YamlNode::Kind::Boolean ? place.node->truth : otherwise;
}

nlohmann::json to_json(const YamlNode& node, Nulls nulls) {
  switch (node.kind) {
    case YamlNode::Kind::Null:
      return nullptr;
    case YamlNode::Kind::String:
      return node.text;
    case YamlNode::Kind::Boolean:
      return node.truth;
    case YamlNode::Kind::Integer:
      return node.integer;
    case YamlNode::Kind::Float:
      return node.number;
    case YamlNode::Kind::Sequence: {
      nlohmann::json out = nlohmann::json::array();
      for (const YamlNode* item : node.items) {
        out.push_back(to_json(*item, nulls));
      }
      return out;
    }
    case YamlNode::Kind::Mapping: {
      nlohmann::json out = nlohmann::json::object();
      for (const YamlEntry& entry : node.entries) {
        if (nulls == Nulls::Keep || !entry.value->is_null()) {
          out[entry.key] = to_json(*entry.value, nulls);
        }
      }
      return out;
    }
  }
  return nullptr;
}

std::map<std::string, SourcePosition> positions_of(const Place& place, const Findings& findings) {
  std::map<std::string, SourcePosition> out;
  collect(*place.node, place.source, "", findings, out);
  return out;
}

}  // namespace labctl::manifest
