#include "topology/model/node_affinity.hpp"

#include <algorithm>
#include <charconv>

namespace labctl::model {
namespace {

std::optional<std::int64_t> whole_number(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

bool holds(const NodeRequirement& requirement, const std::string* value) {
  const auto is_listed = [&] {
    return std::find(requirement.values.begin(), requirement.values.end(), *value) !=
           requirement.values.end();
  };
  if (requirement.op == "In") {
    return value != nullptr && is_listed();
  }
  if (requirement.op == "NotIn") {
    return value == nullptr || !is_listed();
  }
  if (requirement.op == "Exists" || requirement.op == "DoesNotExist") {
    return (value != nullptr) == (requirement.op == "Exists");
  }
  if (value == nullptr || requirement.values.size() != 1) {
    return false;
  }
  const auto has = whole_number(*value);
  const auto wants = whole_number(requirement.values.front());
  return has && wants && (requirement.op == "Gt" ? *has > *wants : requirement.op == "Lt" && *has < *wants);
}

bool holds(const NodeTerm& term, const std::string& node, const Labels& labels) {
  return std::all_of(term.labels.begin(), term.labels.end(),
                     [&](const NodeRequirement& requirement) {
                       const auto found = labels.find(requirement.key);
                       return holds(requirement, found == labels.end() ? nullptr : &found->second);
                     }) &&
         std::all_of(term.fields.begin(), term.fields.end(), [&](const NodeRequirement& requirement) {
           return holds(requirement, requirement.key == kNodeNameField ? &node : nullptr);
         });
}

}  // namespace

bool NodeAffinity::fits(const std::string& node, const Labels& labels) const {
  const bool is_selected = std::includes(labels.begin(), labels.end(), selector.begin(), selector.end());
  return is_selected &&
         (!required || std::any_of(required->begin(), required->end(), [&](const NodeTerm& term) {
           return !term.is_empty() && holds(term, node, labels);
         }));
}

std::int64_t NodeAffinity::score(const std::string& node, const Labels& labels) const {
  std::int64_t sum = 0;
  for (const auto& [weight, term] : preferred) {
    sum += !term.is_empty() && holds(term, node, labels) ? weight : 0;
  }
  return sum;
}

std::optional<std::set<std::string>> NodeAffinity::names() const {
  if (!required || required->empty()) {
    return std::nullopt;
  }
  std::set<std::string> names;
  for (const NodeTerm& term : *required) {
    const auto named = std::find_if(term.fields.begin(), term.fields.end(), [](const auto& requirement) {
      return requirement.key == kNodeNameField && requirement.op == "In";
    });
    if (named == term.fields.end()) {
      return std::nullopt;
    }
    names.insert(named->values.begin(), named->values.end());
  }
  return names;
}

}  // namespace labctl::model
