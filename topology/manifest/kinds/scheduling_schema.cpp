#include "topology/manifest/kinds/scheduling_schema.hpp"

#include "topology/manifest/kinds/api_refusals.hpp"
#include "topology/manifest/kinds/kinds.hpp"

#include <array>
#include <set>
#include <string>
#include <utility>

namespace labctl::manifest {
namespace {

// ---- Taints and tolerations ----------------------------------------------------------------------
constexpr std::array<std::string_view, 3> kEffects{"NoSchedule", "PreferNoSchedule", "NoExecute"};
constexpr std::array kTaintFields{
    text("key", check_label_key).required(),
    text("value", check_label_value),
    text("effect").one_of(kEffects).required(),
    text("timeAdded", check_timestamp),
};

constexpr std::array<std::string_view, 2> kTolerationOperators{"Exists", "Equal"};
std::optional<Complaint> check_key_or_none(std::string_view text) {
  return text.empty() ? std::nullopt : check_label_key(text);
}
constexpr std::array<std::string_view, 4> kEffectsOrAll{"NoSchedule", "PreferNoSchedule", "NoExecute", ""};
constexpr std::array kTolerationFields{
    text("key", check_key_or_none),
    text("operator").one_of(kTolerationOperators),
    text("value"),
    text("effect").one_of(kEffectsOrAll),
    any_integer("tolerationSeconds"),
};

void check_toleration(const Place& place, Findings& findings) {
  const Place op = place.field("operator");
  const Place effect = place.field("effect");
  const Place value = place.field("value");
  const bool is_exists = op.text() == "Exists";
  if (place.field("key").text().empty() && !is_exists) {
    refuse_value(op ? op : place,
                 "operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
                 findings);
  }
  if (place.field("tolerationSeconds") && effect.text() != "NoExecute") {
    refuse_value(effect ? effect : place, "effect must be 'NoExecute' when `tolerationSeconds` is set",
                 findings);
  }
  if (is_exists && !value.text().empty()) {
    refuse_value(value, "value must be empty when `operator` is 'Exists'", findings,
                 "leave value out, or write operator: Equal");
  } else if (const auto complaint = is_exists ? std::nullopt : check_label_value(value.text())) {
    findings.error(value, complaint->message, complaint->hint);
  }
}

// ---- Node affinity -------------------------------------------------------------------------------
constexpr std::array<std::string_view, 6> kNodeOperators{"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"};
constexpr std::array kNodeRequirementFields{
    text("key", check_label_key).required(),
    text("operator").one_of(kNodeOperators).required(),
    texts("values", check_label_value),
};

void check_node_requirement(const Place& place, Findings& findings) {
  const std::string_view op = place.field("operator").text();
  const Place values = place.field("values");
  if ((op == "In" || op == "NotIn") && values.size() == 0) {
    refuse_missing(values, "must be specified when `operator` is 'In' or 'NotIn'", findings);
  } else if ((op == "Exists" || op == "DoesNotExist") && values.size() > 0) {
    refuse_field(values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'", findings);
  } else if ((op == "Gt" || op == "Lt") && values.size() != 1) {
    refuse_missing(values, "must be specified single value when `operator` is 'Lt' or 'Gt'", findings);
  }
}
constexpr Schema kNodeRequirement{"node selector requirement", kNodeRequirementFields,
                                  check_node_requirement};

constexpr std::array kNodeFieldFields{text("key").required(), text("operator").required(),
                                      texts("values", check_dns_subdomain)};

void check_node_field(const Place& place, Findings& findings) {
  const Place key = place.field("key");
  const Place op = place.field("operator");
  const Place values = place.field("values");
  if (key.text() != "metadata.name") {
    refuse_value(key, "not a valid field selector key", findings, "the only one is metadata.name");
  }
  if (op.text() != "In" && op.text() != "NotIn") {
    refuse_value(op, "not a valid selector operator", findings, "those are In and NotIn");
  } else if (values.size() != 1) {
    refuse_missing(values,
                   "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
                   findings);
  }
}
constexpr Schema kNodeField{"node field requirement", kNodeFieldFields, check_node_field};

constexpr std::array kNodeTermFields{list("matchExpressions", kNodeRequirement),
                                     list("matchFields", kNodeField)};
constexpr Schema kNodeTerm{"node selector term", kNodeTermFields};
constexpr std::array kNodeSelectorFields{list("nodeSelectorTerms", kNodeTerm).required()};

void check_node_selector(const Place& place, Findings& findings) {
  if (const Place terms = place.field("nodeSelectorTerms"); terms.size() == 0) {
    refuse_missing(terms, "must have at least one node selector term", findings);
  }
}
constexpr Schema kNodeSelector{"node selector", kNodeSelectorFields, check_node_selector};

void check_weight(const Place& place, Findings& findings) {
  const Place weight = place.field("weight");
  if (const auto number = integer_at(weight); number && (*number < 1 || *number > 100)) {
    refuse_value(weight, "must be in the range 1-100", findings);
  }
}
constexpr std::array kPreferredNodeFields{any_integer("weight").required(),
                                          object("preference", kNodeTerm).required()};
constexpr Schema kPreferredNode{"preferred node term", kPreferredNodeFields, check_weight};
constexpr std::array kNodeAffinityFields{
    object("requiredDuringSchedulingIgnoredDuringExecution", kNodeSelector),
    list("preferredDuringSchedulingIgnoredDuringExecution", kPreferredNode)};
constexpr Schema kNodeAffinity{"node affinity", kNodeAffinityFields};

// ---- Pod affinity --------------------------------------------------------------------------------
constexpr std::array kPodTermFields{
    object("labelSelector", kLabelSelector),     texts("namespaces", check_dns_label),
    object("namespaceSelector", kLabelSelector), text("topologyKey"),
    texts("matchLabelKeys", check_label_key),    texts("mismatchLabelKeys", check_label_key),
};

void check_topology_key(const Place& place, Findings& findings) {
  const Place key = place.field("topologyKey");
  if (key.text().empty()) {
    refuse_missing(key, "can not be empty", findings, "as in topologyKey: kubernetes.io/hostname");
  } else if (const auto complaint = check_label_key(key.text())) {
    findings.error(key, complaint->message, complaint->hint);
  }
}

void check_label_keys(const Place& place, Findings& findings) {
  for (const std::string_view name : {"matchLabelKeys", "mismatchLabelKeys"}) {
    const Place keys = place.field(name);
    if (keys.size() > 0 && !place.field("labelSelector")) {
      refuse_field(keys, "must not be specified when labelSelector is not set", findings);
    }
  }
}

void check_pod_term(const Place& place, Findings& findings) {
  check_topology_key(place, findings);
  check_label_keys(place, findings);
}
constexpr Schema kPodTerm{"pod affinity term", kPodTermFields, check_pod_term};
constexpr std::array kPreferredPodFields{any_integer("weight").required(),
                                         object("podAffinityTerm", kPodTerm).required()};
constexpr Schema kPreferredPod{"preferred pod affinity term", kPreferredPodFields, check_weight};
constexpr std::array kPodAffinityFields{
    list("requiredDuringSchedulingIgnoredDuringExecution", kPodTerm),
    list("preferredDuringSchedulingIgnoredDuringExecution", kPreferredPod)};
constexpr Schema kPodAffinity{"pod affinity", kPodAffinityFields};

constexpr std::array kAffinityFields{object("nodeAffinity", kNodeAffinity),
                                     object("podAffinity", kPodAffinity),
                                     object("podAntiAffinity", kPodAffinity)};

// ---- Topology spread -----------------------------------------------------------------------------
constexpr std::array<std::string_view, 2> kUnsatisfiable{"DoNotSchedule", "ScheduleAnyway"};
constexpr std::array<std::string_view, 2> kNodePolicies{"Honor", "Ignore"};
constexpr std::array kSpreadFields{
    any_integer("maxSkew").required(),
    text("topologyKey"),
    text("whenUnsatisfiable").one_of(kUnsatisfiable).required(),
    object("labelSelector", kLabelSelector),
    any_integer("minDomains"),
    text("nodeAffinityPolicy").one_of(kNodePolicies),
    text("nodeTaintsPolicy").one_of(kNodePolicies),
    texts("matchLabelKeys", check_label_key),
};

void check_spread(const Place& place, Findings& findings) {
  check_topology_key(place, findings);
  check_label_keys(place, findings);
  for (const std::string_view name : {"maxSkew", "minDomains"}) {
    const Place number = place.field(name);
    if (const auto value = integer_at(number); value && *value <= 0) {
      refuse_value(number, "must be greater than zero", findings);
    }
  }
  const std::string when(place.field("whenUnsatisfiable").text());
  if (const Place domains = place.field("minDomains"); domains && when != "DoNotSchedule") {
    refuse_value(domains, "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not " + when,
                 findings);
  }
}

void check_spreads(const Place& constraints, Findings& findings) {
  std::set<std::pair<std::string, std::string>> seen;
  for (size_t i = 0; i < constraints.size(); ++i) {
    const Place constraint = constraints.item(i);
    const std::string key(constraint.field("topologyKey").text());
    const std::string when(constraint.field("whenUnsatisfiable").text());
    if (!seen.emplace(key, when).second) {
      refuse_second(constraint, "{" + key + ", " + when + "}", findings, "one of them is enough");
    }
  }
}

// ---- Gates ---------------------------------------------------------------------------------------
constexpr std::array kGateFields{text("name", check_qualified_name).required()};

void check_gates(const Place& spec, Findings& findings) {
  const Place gates = spec.field("schedulingGates");
  std::set<std::string, std::less<>> seen;
  for (size_t i = 0; i < gates.size(); ++i) {
    const Place gate = gates.item(i);
    const Place name = gate.field("name");
    if (!seen.emplace(name.text()).second) {
      refuse_second(name, findings);
    }
  }
  if (const Place node = spec.field("nodeName"); node && gates.size() > 0) {
    refuse_field(node, "cannot be set until all schedulingGates have been cleared", findings);
  }
}

}  // namespace

constexpr Schema kTaint{"taint", kTaintFields};
constexpr Schema kToleration{"toleration", kTolerationFields, check_toleration};
constexpr Schema kAffinity{"affinity", kAffinityFields};
constexpr Schema kTopologySpread{"topology spread constraint", kSpreadFields, check_spread};
constexpr Schema kSchedulingGate{"scheduling gate", kGateFields};

void check_taints(const Place& taints, Findings& findings) {
  std::set<std::pair<std::string, std::string>> seen;
  for (size_t i = 0; i < taints.size(); ++i) {
    const Place taint = taints.item(i);
    const std::string key(taint.field("key").text());
    const std::string effect(taint.field("effect").text());
    if (!seen.emplace(key, effect).second) {
      refuse_second(taint, key + ":" + effect, findings, "taints must be unique by key and effect pair");
    }
  }
}

void check_scheduling(const Place& spec, Findings& findings) {
  check_spreads(spec.field("topologySpreadConstraints"), findings);
  check_gates(spec, findings);
}

}  // namespace labctl::manifest
