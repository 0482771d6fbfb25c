#include "labctl/controllers/scheduling/pod_selector.hpp"

#include "labctl/objects/fields.hpp"
#include "labctl/store/selectors.hpp"

#include <nlohmann/json.hpp>
#include <utility>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::field;
using objects::list_at;
using Operator = model::SelectorRequirement::Operator;

void add_label_keys(const json& keys, Operator op, const PodIdentity& pod, model::LabelSelector& selector) {
  for (const json& key : keys) {
    const auto label = key.is_string() ? pod.labels.find(key.get<std::string>()) : pod.labels.end();
    if (label != pod.labels.end()) {
      selector.match_expressions.push_back({label->first, op, {label->second}});
    }
  }
}

void describe(const model::LabelSelector& selector, std::string& text) {
  for (const auto& [key, value] : selector.match_labels) {
    text += key + "=" + value + ",";
  }
  for (const model::SelectorRequirement& requirement : selector.match_expressions) {
    text += requirement.key + "?" + std::to_string(static_cast<int>(requirement.op));
    for (const std::string& value : requirement.values) {
      text += ":" + value;
    }
    text += ",";
  }
}

// No character of it is one of a name or label, so that no two selectors have one text.
std::string describe(const PodSelector& selector) {
  std::string text;
  for (const std::string& ns : selector.namespaces) {
    text += ns + ",";
  }
  text += selector.namespace_selector ? "|+" : "|";
  if (selector.namespace_selector) {
    describe(*selector.namespace_selector, text);
  }
  text += selector.labels ? "|+" : "|";
  if (selector.labels) {
    describe(*selector.labels, text);
  }
  return text;
}

}  // namespace

PodIdentity identity_of(const json& pod) { return {objects::namespace_of(pod), store::labels_of(pod)}; }

bool PodSelector::matches(const PodIdentity& pod, const store::Store& store) const {
  if (!labels || !labels->matches(pod.labels)) {
    return false;
  }
  if (namespaces.contains(pod.ns)) {
    return true;
  }
  if (!namespace_selector) {
    return false;
  }
  const store::ObjectPtr ns = store.find({"namespaces", "", pod.ns});
  return namespace_selector->matches(ns == nullptr ? model::Labels{} : store::labels_of(*ns));
}

PodSelector pod_selector_of(const json& term, const PodIdentity& pod, bool takes_namespaces) {
  PodSelector selector;
  if (const json* labels = field(term, "labelSelector")) {
    selector.labels = store::selector_from_json(*labels);
    add_label_keys(list_at(term, "matchLabelKeys"), Operator::In, pod, *selector.labels);
    add_label_keys(list_at(term, "mismatchLabelKeys"), Operator::NotIn, pod, *selector.labels);
  }
  if (takes_namespaces) {
    for (const json& ns : list_at(term, "namespaces")) {
      selector.namespaces.insert(ns.is_string() ? ns.get<std::string>() : "");
    }
    if (const json* namespaces = field(term, "namespaceSelector")) {
      selector.namespace_selector = store::selector_from_json(*namespaces);
    }
  }
  if (selector.namespaces.empty() && !selector.namespace_selector) {
    selector.namespaces.insert(pod.ns);
  }
  selector.text = describe(selector);
  return selector;
}

std::string hook_of(const std::string& key, const std::string& value) { return key + "=" + value; }

std::string hook_of(const PodSelector& selector) {
  if (!selector.labels) {
    return "";
  }
  if (!selector.labels->match_labels.empty()) {
    return hook_of(selector.labels->match_labels.begin()->first,
                   selector.labels->match_labels.begin()->second);
  }
  for (const model::SelectorRequirement& requirement : selector.labels->match_expressions) {
    if (requirement.op == Operator::In && requirement.values.size() == 1) {
      return hook_of(requirement.key, requirement.values.front());
    }
  }
  return "";
}

}  // namespace labctl::controllers
