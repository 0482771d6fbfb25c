#include "labctl/controllers/scheduling/placed_pods.hpp"

#include "labctl/objects/fields.hpp"
#include "labctl/objects/pod_course.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::field;
using objects::list_at;
using objects::text_at;
using store::ChangeType;

// Selectors whose counts are kept; a lab that asks with more of them starts over.
constexpr std::size_t kCountersMax = 2'000;
constexpr const char* kRequiredTerms = "requiredDuringSchedulingIgnoredDuringExecution";
constexpr const char* kPreferredTerms = "preferredDuringSchedulingIgnoredDuringExecution";

void add_to(CountByNode& counts, const std::string& node, std::int64_t by) {
  const auto found = counts.try_emplace(node, 0).first;
  found->second += by;
  if (found->second == 0) {
    counts.erase(found);
  }
}

void add_terms(const json& pod, const PodIdentity& identity, const char* path, bool is_anti,
               std::vector<PodTerm>& terms) {
  const json* affinity = field(pod, path);
  if (affinity == nullptr) {
    return;
  }
  for (const json& term : list_at(*affinity, kRequiredTerms)) {
    terms.push_back({pod_selector_of(term, identity, true), text_at(term, "topologyKey"), is_anti, true, 0});
  }
  for (const json& weighted : list_at(*affinity, kPreferredTerms)) {
    if (const json* term = field(weighted, "podAffinityTerm")) {
      const std::int64_t weight = objects::number_at(weighted, "weight", 0);
      terms.push_back({pod_selector_of(*term, identity, true), text_at(*term, "topologyKey"), false, false,
                       is_anti ? -weight : weight});
    }
  }
}

std::string text_of(const PodTerm& term) {
  return std::to_string(term.forbids) + std::to_string(term.is_required) + " " + std::to_string(term.weight) +
         " " + term.topology_key + " " + term.selector.text;
}

// Nothing that is asked of a placed pod differs: what is written most, its status.
bool is_same(const json& before, const json& after) {
  const json* one = field(before, "metadata.labels");
  const json* other = field(after, "metadata.labels");
  const bool has_same_labels = one == nullptr || other == nullptr ? one == other : *one == *other;
  return has_same_labels && objects::is_being_deleted(before) == objects::is_being_deleted(after) &&
         text_at(before, "spec.nodeName") == text_at(after, "spec.nodeName");
}

}  // namespace

std::vector<PodTerm> pod_terms_of(const json& pod) {
  std::vector<PodTerm> terms;
  if (field(pod, "spec.affinity") != nullptr) {
    const PodIdentity identity = identity_of(pod);
    add_terms(pod, identity, "spec.affinity.podAffinity", false, terms);
    add_terms(pod, identity, "spec.affinity.podAntiAffinity", true, terms);
  }
  return terms;
}

PlacedPods::PlacedPods(store::Store& store) : store_(store) {
  for (const store::ObjectPtr& pod : store.list("pods")) {
    if (objects::lives_on_node(*pod)) {
      add({"pods", objects::namespace_of(*pod), objects::name_of(*pod)}, *pod);
    }
  }
  subscription_ = store.on_change([this](const store::Change& change) { note(change); });
}

void PlacedPods::note(const store::Change& change) {
  if (change.key.resource == "namespaces") {
    // A namespaceSelector may select other ones now.
    counters_.clear();
    counters_by_label_.clear();
    return;
  }
  if (change.key.resource != "pods") {
    return;
  }
  const bool lives = change.type != ChangeType::Deleted && objects::lives_on_node(*change.object);
  const bool lived = placed_.contains(change.key);
  if (lives && lived && change.before != nullptr && is_same(*change.before, *change.object)) {
    return;
  }
  if (lived) {
    drop(change.key);
  }
  if (lives) {
    add(change.key, *change.object);
  }
}

void PlacedPods::add(const store::Key& key, const json& pod) {
  const Placed& placed =
      placed_
          .insert_or_assign(key, Placed{identity_of(pod), text_at(pod, "spec.nodeName"),
                                        !objects::is_being_deleted(pod), pod_terms_of(pod), requests_of(pod)})
          .first->second;
  for (const auto& [label, value] : placed.identity.labels) {
    by_label_[hook_of(label, value)].insert(&placed);
  }
  controllers::add(requested_[placed.node], placed.requests);
  count_in(placed, 1);
  count_terms(placed, 1);
}

void PlacedPods::drop(const store::Key& key) {
  const auto found = placed_.find(key);
  const Placed& placed = found->second;
  controllers::add(requested_[placed.node], placed.requests, -1);
  count_in(placed, -1);
  count_terms(placed, -1);
  for (const auto& [label, value] : placed.identity.labels) {
    const auto bucket = by_label_.find(hook_of(label, value));
    bucket->second.erase(&placed);
    if (bucket->second.empty()) {
      by_label_.erase(bucket);
    }
  }
  placed_.erase(found);
}

const Amounts& PlacedPods::requested_on(const std::string& node) const {
  static const Amounts kNone;
  const auto found = requested_.find(node);
  return found == requested_.end() ? kNone : found->second;
}

bool PlacedPods::matches(const Counter& counter, const PodIdentity& pod) const {
  return std::all_of(counter.selectors.begin(), counter.selectors.end(),
                     [&](const PodSelector& selector) { return selector.matches(pod, store_); });
}

void PlacedPods::count_in(const Placed& pod, std::int64_t by) {
  counters_by_label_.visit(pod.identity.labels, [&](Counter& counter) {
    if (matches(counter, pod.identity)) {
      add_to(counter.count.all, pod.node, by);
      if (pod.is_staying) {
        add_to(counter.count.staying, pod.node, by);
      }
    }
  });
}

void PlacedPods::count_terms(const Placed& pod, std::int64_t by) {
  for (const PodTerm& term : pod.terms) {
    const std::string text = text_of(term);
    std::unique_ptr<OwnTerm>& own = own_terms_[text];
    if (own == nullptr) {
      own = std::make_unique<OwnTerm>(OwnTerm{term, {}});
      own_terms_by_label_.add(term.selector, own.get());
    }
    add_to(own->pods, pod.node, by);
    if (own->pods.empty()) {
      own_terms_by_label_.remove(term.selector, own.get());
      own_terms_.erase(text);
    }
  }
}

std::vector<const PlacedPods::Placed*> PlacedPods::candidates(const PodSelector& selector) const {
  std::vector<const Placed*> found;
  if (const std::string hook = hook_of(selector); !hook.empty()) {
    if (const auto bucket = by_label_.find(hook); bucket != by_label_.end()) {
      found.assign(bucket->second.begin(), bucket->second.end());
    }
    return found;
  }
  found.reserve(placed_.size());
  for (const auto& [key, pod] : placed_) {
    found.push_back(&pod);
  }
  return found;
}

const PlacedPods::Count& PlacedPods::count(const std::vector<PodSelector>& selectors) {
  std::string text;
  for (const PodSelector& selector : selectors) {
    text += selector.text + "\n";
  }
  if (const auto known = counters_.find(text); known != counters_.end()) {
    return known->second->count;
  }
  if (counters_.size() >= kCountersMax) {
    counters_.clear();
    counters_by_label_.clear();
  }
  Counter& counter = *(counters_[text] = std::make_unique<Counter>(Counter{selectors, {}}));
  for (const Placed* pod : candidates(selectors.front())) {
    if (matches(counter, pod->identity)) {
      add_to(counter.count.all, pod->node, 1);
      if (pod->is_staying) {
        add_to(counter.count.staying, pod->node, 1);
      }
    }
  }
  counters_by_label_.add(selectors.front(), &counter);
  return counter.count;
}

}  // namespace labctl::controllers
