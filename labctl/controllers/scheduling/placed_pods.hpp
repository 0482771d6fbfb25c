#pragma once

// What the scheduler asks of the pods that have a place: how many of those that a selector selects are on
// each node, and which of them want or refuse a pod beside them. Kept from change to change: a pass that
// places thousands looks at each once, whatever they ask of each other.
//
// Threads: the store's. Always complete: it listens to the store from the moment it is made.

#include "labctl/controllers/scheduling/node_resources.hpp"
#include "labctl/controllers/scheduling/pod_selector.hpp"
#include "labctl/controllers/scheduling/topology.hpp"
#include "labctl/store/store.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace labctl::controllers {

// A term of a pod's affinity or anti-affinity.
struct PodTerm {
  PodSelector selector;
  std::string topology_key;
  bool forbids = false;  // required anti-affinity
  bool is_required = false;
  std::int64_t weight = 0;  // of a preferred one; below 0 in anti-affinity
};
std::vector<PodTerm> pod_terms_of(const nlohmann::json& pod);

class PlacedPods {
 public:
  explicit PlacedPods(store::Store& store);
  PlacedPods(const PlacedPods&) = delete;
  PlacedPods& operator=(const PlacedPods&) = delete;

  struct Count {
    CountByNode all;
    CountByNode staying;  // those that are not being deleted
  };
  // Of the pods that all of `selectors` select. Good until the next change or call.
  const Count& count(const std::vector<PodSelector>& selectors);

  // The sum of what the pods of a node request.
  const Amounts& requested_on(const std::string& node) const;
  bool selects(const PodSelector& selector, const PodIdentity& pod) const {
    return selector.matches(pod, store_);
  }

  struct OwnTerm {
    PodTerm term;
    CountByNode pods;  // that have it
  };
  // `visit(const OwnTerm&)` for each term of a placed pod that selects `pod`.
  template <class Visit>
  void visit_terms_about(const PodIdentity& pod, const Visit& visit) const {
    own_terms_by_label_.visit(pod.labels, [&](const OwnTerm& own) {
      if (own.term.selector.matches(pod, store_)) {
        visit(own);
      }
    });
  }

 private:
  struct Placed {
    PodIdentity identity;
    std::string node;
    bool is_staying = true;
    std::vector<PodTerm> terms;
    Amounts requests;
  };
  struct Counter {
    std::vector<PodSelector> selectors;
    Count count;
  };
  void note(const store::Change& change);
  void add(const store::Key& key, const nlohmann::json& pod);
  void drop(const store::Key& key);
  void count_in(const Placed& pod, std::int64_t by);
  void count_terms(const Placed& pod, std::int64_t by);
  bool matches(const Counter& counter, const PodIdentity& pod) const;
  // Those that may match.
  std::vector<const Placed*> candidates(const PodSelector& selector) const;

  store::Store& store_;
  std::map<store::Key, Placed> placed_;
  std::unordered_map<std::string, std::set<const Placed*>> by_label_;
  std::unordered_map<std::string, Amounts> requested_;                  // by node
  std::unordered_map<std::string, std::unique_ptr<Counter>> counters_;  // by their selectors' texts
  SelectorIndex<Counter> counters_by_label_;
  std::unordered_map<std::string, std::unique_ptr<OwnTerm>> own_terms_;
  SelectorIndex<OwnTerm> own_terms_by_label_;
  store::Store::Subscription subscription_;
};

}  // namespace labctl::controllers
