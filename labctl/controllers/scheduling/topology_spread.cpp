#include "labctl/controllers/scheduling/topology_spread.hpp"

#include "labctl/objects/fields.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::text_at;

constexpr std::int64_t kShareMax = 100;

template <class Constraints>
bool has_all_keys(const Constraints& constraints, const NodeFacts& node) {
  return std::all_of(constraints.begin(), constraints.end(), [&](const auto& constraint) {
    return Topology::domain(node, constraint.key) != nullptr;
  });
}

// The least that any domain has; 0 as long as there are too few domains.
std::int64_t least(const CountByDomain& domains, std::int64_t min_domains) {
  if (static_cast<std::int64_t>(domains.size()) < min_domains) {
    return 0;
  }
  std::int64_t count = std::numeric_limits<std::int32_t>::max();
  for (const auto& [value, pods] : domains) {
    count = std::min(count, pods);
  }
  return count;
}

}  // namespace

SpreadCheck::SpreadCheck(PlacedPods& placed, const Topology& topology, const json& pod,
                         const NodeAffinity& affinity, const std::vector<Toleration>& tolerations) {
  const json& constraints = objects::list_at(pod, "spec.topologySpreadConstraints");
  if (constraints.empty()) {
    return;
  }
  const PodIdentity identity = identity_of(pod);
  for (const json& constraint : constraints) {
    const bool is_wish = text_at(constraint, "whenUnsatisfiable") == "ScheduleAnyway";
    (is_wish ? wished_ : required_).push_back(read(placed, constraint, identity));
  }
  count_domains(required_, topology, affinity, tolerations);
  count_domains(wished_, topology, affinity, tolerations);
}

SpreadCheck::Constraint SpreadCheck::read(PlacedPods& placed, const json& constraint,
                                          const PodIdentity& pod) {
  Constraint made;
  made.key = text_at(constraint, "topologyKey");
  made.max_skew = objects::number_at(constraint, "maxSkew", 1);
  made.min_domains = objects::number_at(constraint, "minDomains", 1);
  made.honors_affinity = text_at(constraint, "nodeAffinityPolicy") != "Ignore";
  made.honors_taints = text_at(constraint, "nodeTaintsPolicy") == "Honor";
  made.selector = pod_selector_of(constraint, pod, false);
  made.selects_itself = placed.selects(made.selector, pod);
  made.pods = placed.count({made.selector}).staying;
  return made;
}

void SpreadCheck::count_domains(std::vector<Constraint>& constraints, const Topology& topology,
                                const NodeAffinity& affinity, const std::vector<Toleration>& tolerations) {
  for (const NodeFacts& node : topology.nodes()) {
    if (constraints.empty() || !has_all_keys(constraints, node)) {
      continue;
    }
    const bool fits = affinity.fits(node.name, node.labels);
    const bool is_open = untolerated(node.taints, tolerations, {kNoSchedule, kNoExecute}) == nullptr;
    for (Constraint& constraint : constraints) {
      if ((fits || !constraint.honors_affinity) && (is_open || !constraint.honors_taints)) {
        const auto here = constraint.pods.find(node.name);
        constraint.domains[*Topology::domain(node, constraint.key)] +=
            here == constraint.pods.end() ? 0 : here->second;
      }
    }
  }
}

NodeRefusal SpreadCheck::refusal_of(const NodeFacts& node) const {
  for (const Constraint& constraint : required_) {
    const std::string* value = Topology::domain(node, constraint.key);
    if (value == nullptr) {
      return {{std::string(kSpreadNotMatched) + " (missing required label)"}};
    }
    const auto domain = constraint.domains.find(*value);
    const std::int64_t here = domain == constraint.domains.end() ? 0 : domain->second;
    const std::int64_t skew =
        here + (constraint.selects_itself ? 1 : 0) - least(constraint.domains, constraint.min_domains);
    if (skew > constraint.max_skew) {
      return {{kSpreadNotMatched}, false};
    }
  }
  return {};
}

double SpreadCheck::cost(const NodeFacts& node, const std::vector<double>& weights) const {
  double sum = 0;
  for (std::size_t i = 0; i < wished_.size(); ++i) {
    const Constraint& constraint = wished_[i];
    // A host is a domain of its own, whatever the policies say.
    const CountByDomain& counts =
        constraint.key == model::kHostnameLabel ? constraint.pods : constraint.domains;
    const auto found = counts.find(
        constraint.key == model::kHostnameLabel ? node.name : *Topology::domain(node, constraint.key));
    sum += (found == counts.end() ? 0 : static_cast<double>(found->second)) * weights[i] +
           static_cast<double>(constraint.max_skew - 1);
  }
  return sum;
}

std::vector<std::int64_t> SpreadCheck::scores(const std::vector<const NodeFacts*>& nodes) const {
  // A pod more counts for more where there are few domains.
  std::vector<double> weights;
  for (const Constraint& constraint : wished_) {
    std::set<std::string> domains;
    for (const NodeFacts* node : nodes) {
      if (has_all_keys(wished_, *node)) {
        domains.insert(*Topology::domain(*node, constraint.key));
      }
    }
    weights.push_back(std::log(static_cast<double>(domains.size() + 2)));
  }
  constexpr std::int64_t kNone = -1;
  std::vector<std::int64_t> costs(nodes.size(), kNone);
  std::int64_t most = 0;
  std::int64_t fewest = std::numeric_limits<std::int64_t>::max();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (has_all_keys(wished_, *nodes[i])) {
      costs[i] = std::llround(cost(*nodes[i], weights));
      most = std::max(most, costs[i]);
      fewest = std::min(fewest, costs[i]);
    }
  }
  for (std::int64_t& value : costs) {
    value = value == kNone ? 0 : most == 0 ? kShareMax : kShareMax * (most + fewest - value) / most;
  }
  return costs;
}

}  // namespace labctl::controllers
