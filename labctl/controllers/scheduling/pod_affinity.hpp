#pragma once

// What pods say of pods beside them: podAffinity and podAntiAffinity, of the pod that is to be placed and of
// those that are (kube-scheduler, plugin InterPodAffinity).

#include "labctl/controllers/scheduling/diagnosis.hpp"
#include "labctl/controllers/scheduling/placed_pods.hpp"
#include "labctl/controllers/scheduling/topology.hpp"

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace labctl::controllers {

inline constexpr const char* kAffinityNotMatched = "node(s) didn't match pod affinity rules";

// For one pod, before its nodes are looked at; a node then costs a look-up for each term.
class PodAffinityCheck {
 public:
  PodAffinityCheck(PlacedPods& placed, const Topology& topology, const nlohmann::json& pod);

  // No reasons: nothing speaks against the node.
  NodeRefusal refusal_of(const NodeFacts& node) const;
  bool has_preferences() const { return !scores_.empty(); }
  // The weights of all that is preferred there; may be below 0.
  std::int64_t score(const NodeFacts& node) const;

 private:
  using Domain = std::pair<std::string, std::string>;  // topology key, value
  void read_own(PlacedPods& placed, const Topology& topology, const PodIdentity& pod,
                const std::vector<PodTerm>& terms);
  void read_others(const PlacedPods& placed, const Topology& topology, const PodIdentity& pod);
  bool is_matched(const NodeFacts& node) const;
  static bool is_in(const std::set<Domain>& domains, const std::set<std::string>& keys,
                    const NodeFacts& node);
  void add_score(const Topology& topology, const PodTerm& term, const CountByNode& pods, std::int64_t weight);

  std::vector<std::string> required_keys_;
  std::set<Domain> required_;   // domains with a pod that all required terms select
  bool may_be_first_ = false;   // no such pod anywhere, and the pod is one itself
  std::set<Domain> own_taboo_;  // of its own anti-affinity
  std::set<std::string> own_taboo_keys_;
  std::set<Domain> taboo_;  // of that of others
  std::set<std::string> taboo_keys_;
  std::map<std::string, CountByDomain> scores_;  // by topology key
};

}  // namespace labctl::controllers
