#pragma once

// topologySpreadConstraints (core/v1 TopologySpreadConstraint; kube-scheduler, plugin PodTopologySpread): how
// evenly the pods of a selector lie over the domains of a topology.

#include "labctl/controllers/scheduling/diagnosis.hpp"
#include "labctl/controllers/scheduling/node_affinity.hpp"
#include "labctl/controllers/scheduling/placed_pods.hpp"
#include "labctl/controllers/scheduling/taints.hpp"
#include "labctl/controllers/scheduling/topology.hpp"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace labctl::controllers {

inline constexpr const char* kSpreadNotMatched = "node(s) didn't match pod topology spread constraints";

// For one pod, before its nodes are looked at.
class SpreadCheck {
 public:
  SpreadCheck(PlacedPods& placed, const Topology& topology, const nlohmann::json& pod,
              const NodeAffinity& affinity, const std::vector<Toleration>& tolerations);

  // By the constraints DoNotSchedule. No reasons: nothing speaks against the node.
  NodeRefusal refusal_of(const NodeFacts& node) const;
  bool has_preferences() const { return !wished_.empty(); }
  // By the constraints ScheduleAnyway, of the nodes that a pod may go to: 0 to 100 each.
  std::vector<std::int64_t> scores(const std::vector<const NodeFacts*>& nodes) const;

 private:
  struct Constraint {
    std::string key;
    std::int64_t max_skew = 1;
    std::int64_t min_domains = 1;
    bool selects_itself = false;
    bool honors_affinity = true;
    bool honors_taints = false;
    PodSelector selector;
    CountByNode pods;  // that the selector selects and that stay
    CountByDomain domains;
  };
  static Constraint read(PlacedPods& placed, const nlohmann::json& constraint, const PodIdentity& pod);
  // Over the nodes that have all of the constraints' labels and that the policies let count.
  static void count_domains(std::vector<Constraint>& constraints, const Topology& topology,
                            const NodeAffinity& affinity, const std::vector<Toleration>& tolerations);
  // Before it is shared out; weights are those of the constraints.
  double cost(const NodeFacts& node, const std::vector<double>& weights) const;

  std::vector<Constraint> required_;
  std::vector<Constraint> wished_;
};

}  // namespace labctl::controllers
