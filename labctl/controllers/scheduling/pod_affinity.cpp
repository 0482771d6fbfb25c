#include "labctl/controllers/scheduling/pod_affinity.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

constexpr const char* kAntiAffinityNotMatched = "node(s) didn't match pod anti-affinity rules";
constexpr const char* kExistingAntiAffinity = "node(s) didn't satisfy existing pods anti-affinity rules";
// What a required term of a placed pod is worth to others that it selects (HardPodAffinityWeight).
constexpr std::int64_t kRequiredWeight = 1;

}  // namespace

PodAffinityCheck::PodAffinityCheck(PlacedPods& placed, const Topology& topology, const nlohmann::json& pod) {
  const PodIdentity identity = identity_of(pod);
  if (const std::vector<PodTerm> terms = pod_terms_of(pod); !terms.empty()) {
    read_own(placed, topology, identity, terms);
  }
  read_others(placed, topology, identity);
}

void PodAffinityCheck::read_own(PlacedPods& placed, const Topology& topology, const PodIdentity& pod,
                                const std::vector<PodTerm>& terms) {
  std::vector<PodSelector> required;
  for (const PodTerm& term : terms) {
    if (term.forbids) {
      own_taboo_keys_.insert(term.topology_key);
      for (const auto& [value, count] :
           topology.by_domain(placed.count({term.selector}).all, term.topology_key)) {
        own_taboo_.emplace(term.topology_key, value);
      }
    } else if (term.is_required) {
      required.push_back(term.selector);
      required_keys_.push_back(term.topology_key);
    } else {
      add_score(topology, term, placed.count({term.selector}).all, term.weight);
    }
  }
  if (required.empty()) {
    return;
  }
  const CountByNode& counts = placed.count(required).all;
  for (const std::string& key : required_keys_) {
    for (const auto& [value, count] : topology.by_domain(counts, key)) {
      required_.emplace(key, value);
    }
  }
  may_be_first_ =
      required_.empty() && std::all_of(required.begin(), required.end(),
                                       [&](const auto& selector) { return placed.selects(selector, pod); });
}

void PodAffinityCheck::read_others(const PlacedPods& placed, const Topology& topology,
                                   const PodIdentity& pod) {
  placed.visit_terms_about(pod, [&](const PlacedPods::OwnTerm& own) {
    if (own.term.forbids) {
      taboo_keys_.insert(own.term.topology_key);
      for (const auto& [value, count] : topology.by_domain(own.pods, own.term.topology_key)) {
        taboo_.emplace(own.term.topology_key, value);
      }
    } else {
      add_score(topology, own.term, own.pods, own.term.is_required ? kRequiredWeight : own.term.weight);
    }
  });
}

void PodAffinityCheck::add_score(const Topology& topology, const PodTerm& term, const CountByNode& pods,
                                 std::int64_t weight) {
  for (const auto& [value, count] : topology.by_domain(pods, term.topology_key)) {
    scores_[term.topology_key][value] += count * weight;
  }
}

bool PodAffinityCheck::is_matched(const NodeFacts& node) const {
  return std::all_of(required_keys_.begin(), required_keys_.end(), [&](const std::string& key) {
    const std::string* value = Topology::domain(node, key);
    return value != nullptr && (may_be_first_ || required_.contains({key, *value}));
  });
}

bool PodAffinityCheck::is_in(const std::set<Domain>& domains, const std::set<std::string>& keys,
                             const NodeFacts& node) {
  return std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
    const std::string* value = Topology::domain(node, key);
    return value != nullptr && domains.contains({key, *value});
  });
}

NodeRefusal PodAffinityCheck::refusal_of(const NodeFacts& node) const {
  if (!is_matched(node)) {
    return {{kAffinityNotMatched}};
  }
  if (is_in(own_taboo_, own_taboo_keys_, node)) {
    return {{kAntiAffinityNotMatched}, false};
  }
  if (is_in(taboo_, taboo_keys_, node)) {
    return {{kExistingAntiAffinity}, false};
  }
  return {};
}

std::int64_t PodAffinityCheck::score(const NodeFacts& node) const {
  std::int64_t sum = 0;
  for (const auto& [key, domains] : scores_) {
    const std::string* value = Topology::domain(node, key);
    const auto found = value == nullptr ? domains.end() : domains.find(*value);
    sum += found == domains.end() ? 0 : found->second;
  }
  return sum;
}

}  // namespace labctl::controllers
