#pragma once

// Which pods an affinity term or a spread constraint is about.

#include "labctl/store/store.hpp"
#include "topology/model/label_selector.hpp"

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace labctl::controllers {

// What a selector asks of a pod.
struct PodIdentity {
  std::string ns;
  model::Labels labels;
};
PodIdentity identity_of(const nlohmann::json& pod);

struct PodSelector {
  std::set<std::string> namespaces;
  std::optional<model::LabelSelector> namespace_selector;  // these too; an empty one: every namespace
  std::optional<model::LabelSelector> labels;              // nothing: no pod
  std::string text;                                        // equal selectors have equal texts

  // `store` is asked for the labels of namespaces.
  bool matches(const PodIdentity& pod, const store::Store& store) const;
};

// Of a term of `pod`, with what its matchLabelKeys and mismatchLabelKeys add. `takes_namespaces`: a term of
// an affinity; a spread constraint is about the pod's own namespace.
PodSelector pod_selector_of(const nlohmann::json& term, const PodIdentity& pod, bool takes_namespaces);

// One label with its value that every pod of the selector has, as "key=value"; "" when there is none.
std::string hook_of(const PodSelector& selector);
std::string hook_of(const std::string& key, const std::string& value);

// Selectors by such a label, so that a pod is compared with those that may match it and not with all.
template <class T>
class SelectorIndex {
 public:
  void add(const PodSelector& selector, T* entry) { entries_[hook_of(selector)].push_back(entry); }
  void remove(const PodSelector& selector, T* entry) {
    const auto found = entries_.find(hook_of(selector));
    if (found != entries_.end() && std::erase(found->second, entry) > 0 && found->second.empty()) {
      entries_.erase(found);
    }
  }
  void clear() { entries_.clear(); }
  // `visit(entry)` for each that may match.
  template <class Visit>
  void visit(const model::Labels& labels, const Visit& visit) const {
    if (entries_.empty()) {
      return;
    }
    visit_at("", visit);
    for (const auto& [key, value] : labels) {
      visit_at(hook_of(key, value), visit);
    }
  }

 private:
  template <class Visit>
  void visit_at(const std::string& hook, const Visit& visit) const {
    if (const auto found = entries_.find(hook); found != entries_.end()) {
      for (T* entry : found->second) {
        visit(*entry);
      }
    }
  }
  std::unordered_map<std::string, std::vector<T*>> entries_;
};

}  // namespace labctl::controllers
