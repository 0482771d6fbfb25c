// What bounds and ranks pods: policy/v1 PodDisruptionBudget, autoscaling HorizontalPodAutoscaler,
// scheduling.k8s.io/v1 PriorityClass, core/v1 ResourceQuota and LimitRange, with the rules of API validation.

#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/kinds/status_schema.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <array>

namespace labctl::manifest {
namespace {

constexpr std::int64_t kCountMax = std::numeric_limits<std::int32_t>::max();

// ---- Quantities ---------------------------------------------------------------------------------
bool is_suffix_of_quantity(std::string_view suffix) {
  constexpr std::array<std::string_view, 16> kSuffixes{"",  "n", "u",  "m",  "k",  "M",  "G",  "T",
                                                       "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  for (const std::string_view known : kSuffixes) {
    if (suffix == known) {
      return true;
    }
  }
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) {
    return false;
  }
  suffix.remove_prefix(suffix[1] == '+' || suffix[1] == '-' ? 2 : 1);
  return !suffix.empty() && suffix.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_quantity(std::string_view text) {
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    text.remove_prefix(1);
  }
  const size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view digits = text.substr(0, end);
  return digits.find_first_of("0123456789") != std::string_view::npos &&
         digits.find('.') == digits.rfind('.') && is_suffix_of_quantity(text.substr(end));
}

void check_policy_amount(const Place& amount, Findings& findings) {
  const YamlNode& node = *amount.node;
  const bool is_number = node.kind == YamlNode::Kind::Integer || node.kind == YamlNode::Kind::Float;
  if (is_number || (node.is_string() && is_quantity(node.text))) {
    return;
  }
  findings.error(amount,
                 "Invalid value: " + (node.is_string() ? in_quotes(node.text) : description(node)) +
                     ": quantities must match the regular expression "
                     "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
                 "as in 500m, 2 or 64Mi");
}

void check_policy_amounts(const Place& amounts, Findings& findings) {
  for (const YamlEntry& entry : amounts.node->entries) {
    if (const Place amount = amounts.member(entry)) {
      check_policy_amount(amount, findings);
    }
  }
}
constexpr Schema kPolicyAmounts{
    .name = "quantities", .fields = {}, .check = check_policy_amounts, .is_open = true};

constexpr Field quantity(std::string_view name) { return {.name = name, .type = FieldType::Scalar}; }

constexpr Schema kPolicyStatus{.name = "status", .fields = {}, .is_open = true};

constexpr Field number_or_share(std::string_view name) {
  return {.name = name,
          .type = FieldType::IntOrString,
          .check = check_int_or_percent,
          .min = 0,
          .max = kCountMax};
}

// ---- PodDisruptionBudget ------------------------------------------------------------------------
constexpr std::array<std::string_view, 2> kEvictionPolicies{"IfHealthyBudget", "AlwaysAllow"};
constexpr std::array kBudgetSpecFields{
    number_or_share("minAvailable"),
    number_or_share("maxUnavailable"),
    object("selector", kLabelSelector),
    text("unhealthyPodEvictionPolicy").one_of(kEvictionPolicies),
};

void check_budget(const Place& spec, Findings& findings) {
  if (spec.field("minAvailable") && spec.field("maxUnavailable")) {
    findings.error(spec, "Invalid value: minAvailable and maxUnavailable cannot be both set", "remove one");
  }
}
constexpr Schema kBudgetSpec{"PodDisruptionBudget spec", kBudgetSpecFields, check_budget};
constexpr std::array kBudgetFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kBudgetSpec),
    reserved("status", kPolicyStatus),
};

// ---- HorizontalPodAutoscaler --------------------------------------------------------------------
constexpr std::array kScaleTargetFields{
    text("apiVersion"),
    text("kind", check_not_empty).required(),
    text("name", check_not_empty).required(),
};
constexpr Schema kScaleTarget{"scale target", kScaleTargetFields};

constexpr std::array<std::string_view, 3> kTargetTypes{"Utilization", "Value", "AverageValue"};
constexpr std::array kMetricTargetFields{
    text("type").one_of(kTargetTypes).required(),
    quantity("value"),
    quantity("averageValue"),
    integer("averageUtilization", 1, kCountMax),
};

void check_metric_target(const Place& target, Findings& findings) {
  for (const std::string_view amount : {"value", "averageValue"}) {
    if (const Place place = target.field(amount)) {
      check_policy_amount(place, findings);
    }
  }
}
constexpr Schema kMetricTarget{"metric target", kMetricTargetFields, check_metric_target};
constexpr std::array kMetricNameFields{text("name", check_not_empty).required(),
                                       object("selector", kLabelSelector)};
constexpr Schema kMetricName{"metric identifier", kMetricNameFields};
constexpr std::array kResourceMetricFields{text("name", check_not_empty).required(),
                                           object("target", kMetricTarget).required()};
constexpr Schema kResourceMetric{"resource metric", kResourceMetricFields};
constexpr std::array kContainerMetricFields{text("name", check_not_empty).required(),
                                            text("container", check_not_empty).required(),
                                            object("target", kMetricTarget).required()};
constexpr Schema kContainerMetric{"container resource metric", kContainerMetricFields};
constexpr std::array kPodsMetricFields{object("metric", kMetricName).required(),
                                       object("target", kMetricTarget).required()};
constexpr Schema kPodsMetric{"pods metric", kPodsMetricFields};
constexpr std::array kObjectMetricFields{object("describedObject", kScaleTarget).required(),
                                         object("metric", kMetricName).required(),
                                         object("target", kMetricTarget).required()};
constexpr Schema kObjectMetric{"object metric", kObjectMetricFields};

constexpr std::array<std::string_view, 5> kMetricTypes{"Object", "Pods", "Resource", "ContainerResource",
                                                       "External"};
constexpr std::array kMetricFields{
    text("type").one_of(kMetricTypes).required(),
    object("object", kObjectMetric),
    object("pods", kPodsMetric),
    object("resource", kResourceMetric),
    object("containerResource", kContainerMetric),
    object("external", kPodsMetric),
};
constexpr Schema kMetric{"metric", kMetricFields};

constexpr std::array<std::string_view, 3> kSelectPolicies{"Max", "Min", "Disabled"};
constexpr std::array<std::string_view, 2> kScalingPolicyTypes{"Pods", "Percent"};
constexpr std::array kScalingPolicyFields{
    text("type").one_of(kScalingPolicyTypes).required(),
    integer("value", 1, kCountMax).required(),
    integer("periodSeconds", 1, 1800).required(),
};
constexpr Schema kScalingPolicy{"scaling policy", kScalingPolicyFields};
constexpr std::array kScalingRulesFields{
    integer("stabilizationWindowSeconds", 0, 3600),
    text("selectPolicy").one_of(kSelectPolicies),
    list("policies", kScalingPolicy),
    quantity("tolerance"),
};
constexpr Schema kScalingRules{"scaling rules", kScalingRulesFields};
constexpr std::array kBehaviorFields{object("scaleUp", kScalingRules), object("scaleDown", kScalingRules)};
constexpr Schema kBehavior{"scaling behavior", kBehaviorFields};

void check_scaler(const Place& spec, Findings& findings) {
  const Place least = spec.field("minReplicas");
  const Place most = spec.field("maxReplicas");
  if (least && most && most.node->integer < least.node->integer) {
    findings.error(most, "Invalid value: " + std::to_string(most.node->integer) +
                             ": must be greater than or equal to `minReplicas`");
  }
}

constexpr std::array kScalerSpecFields{
    object("scaleTargetRef", kScaleTarget).required(),
    integer("minReplicas", 1, kCountMax),
    integer("maxReplicas", 1, kCountMax).required(),
    list("metrics", kMetric),
    object("behavior", kBehavior),
};
constexpr Schema kScalerSpec{"HorizontalPodAutoscaler spec", kScalerSpecFields, check_scaler};
constexpr std::array kOldScalerSpecFields{
    object("scaleTargetRef", kScaleTarget).required(),
    integer("minReplicas", 1, kCountMax),
    integer("maxReplicas", 1, kCountMax).required(),
    integer("targetCPUUtilizationPercentage", 1, kCountMax),
};
constexpr Schema kOldScalerSpec{"HorizontalPodAutoscaler spec of v1", kOldScalerSpecFields, check_scaler};

constexpr std::array kScalerFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kScalerSpec).required(),
    reserved("status", kPolicyStatus),
};
constexpr std::array kOldScalerFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kOldScalerSpec).required(),
    reserved("status", kPolicyStatus),
};

// ---- PriorityClass ------------------------------------------------------------------------------
constexpr std::array<std::string_view, 2> kClassPreemptions{"PreemptLowerPriority", "Never"};
constexpr std::array kPriorityClassFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    integer("value", std::numeric_limits<std::int32_t>::min(), kCountMax).required(),
    boolean("globalDefault"),
    text("description"),
    text("preemptionPolicy").one_of(kClassPreemptions),
};

// ValidatePriorityClass. Those of the system may be written as they are, as an export of a lab does.
void check_priority_class(const Place& place, Findings& findings) {
  constexpr std::int64_t kHighestOfUsers = 1000000000;
  const Place metadata = place.field("metadata");
  const Place name = metadata.field("name");
  const Place value = place.field("value");
  for (const model::SystemPriority& system : model::kSystemPriorities) {
    if (name.text() == system.name) {
      if (value.node->integer != system.value) {
        findings.error(value, "Invalid value: must be " + std::to_string(system.value) + " of " +
                                  std::string(system.name));
      }
      return;
    }
  }
  if (name.text().starts_with("system-")) {
    findings.error(name,
                   "Forbidden: priority class names with 'system-' prefix are reserved for system use only",
                   "choose another name");
  }
  if (value.node->integer > kHighestOfUsers) {
    findings.error(value, "Forbidden: maximum allowed value of a user defined priority is " +
                              std::to_string(kHighestOfUsers));
  }
}

// ---- ResourceQuota and LimitRange ---------------------------------------------------------------
constexpr std::array<std::string_view, 4> kScopeOperators{"In", "NotIn", "Exists", "DoesNotExist"};
constexpr std::array<std::string_view, 7> kQuotaScopes{"Terminating",          "NotTerminating",
                                                       "BestEffort",           "NotBestEffort",
                                                       "PriorityClass",        "CrossNamespacePodAffinity",
                                                       "VolumeAttributesClass"};
constexpr std::array kScopeRequirementFields{
    text("scopeName").one_of(kQuotaScopes).required(),
    text("operator").one_of(kScopeOperators).required(),
    texts("values"),
};
constexpr Schema kScopeRequirement{"scope requirement", kScopeRequirementFields};
constexpr std::array kScopeSelectorFields{list("matchExpressions", kScopeRequirement)};
constexpr Schema kScopeSelector{"scope selector", kScopeSelectorFields};
constexpr std::array kQuotaSpecFields{
    object("hard", kPolicyAmounts),
    texts("scopes").one_of(kQuotaScopes),
    object("scopeSelector", kScopeSelector).without_effect(),
};

// Of what a quota counts, a lab counts pods and what they request and are limited to.
void check_counted(const Place& spec, Findings& findings) {
  const Place hard = spec.field("hard");
  if (!hard) {
    return;
  }
  constexpr std::array<std::string_view, 5> kCounted{"pods", "count/pods", "cpu", "memory",
                                                     "ephemeral-storage"};
  for (const YamlEntry& entry : hard.node->entries) {
    std::string_view name = entry.key;
    for (const std::string_view begin : {"requests.", "limits."}) {
      name.remove_prefix(name.starts_with(begin) ? begin.size() : 0);
    }
    const Place amount = hard.member(entry);
    if (amount && std::find(kCounted.begin(), kCounted.end(), name) == kCounted.end()) {
      findings.repeated(amount, {"quota " + entry.key, "accepted, but a lab does not count it", "", true,
                                 false, Topic::NoEffect, entry.key});
    }
  }
}
constexpr Schema kQuotaSpec{"ResourceQuota spec", kQuotaSpecFields, check_counted};
constexpr std::array kQuotaFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kQuotaSpec),
    reserved("status", kPolicyStatus),
};

constexpr std::array kLimitFields{
    text("type", check_not_empty).required(),
    object("max", kPolicyAmounts),
    object("min", kPolicyAmounts),
    object("default", kPolicyAmounts),
    object("defaultRequest", kPolicyAmounts),
    object("maxLimitRequestRatio", kPolicyAmounts).without_effect(),
};

void check_limited(const Place& limit, Findings& findings) {
  const Place type = limit.field("type");
  if (type.text() != "Container") {
    const std::string what = "limits of type " + std::string(type.text());
    findings.repeated(type, {what, "accepted, but " + what + " have no effect in a lab", "", false, false,
                             Topic::NoEffect, what});
  }
}
constexpr Schema kLimit{"limit", kLimitFields, check_limited};
constexpr std::array kLimitRangeSpecFields{list("limits", kLimit).required()};
constexpr Schema kLimitRangeSpec{"LimitRange spec", kLimitRangeSpecFields};
constexpr std::array kLimitRangeFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kLimitRangeSpec),
};

}  // namespace

constexpr Schema kPodDisruptionBudget{"PodDisruptionBudget", kBudgetFields};
constexpr Schema kHorizontalPodAutoscaler{"HorizontalPodAutoscaler", kScalerFields};
constexpr Schema kHorizontalPodAutoscalerV1{"HorizontalPodAutoscaler of v1", kOldScalerFields};
constexpr Schema kPriorityClass{"PriorityClass", kPriorityClassFields, check_priority_class};
constexpr Schema kResourceQuota{"ResourceQuota", kQuotaFields};
constexpr Schema kLimitRange{"LimitRange", kLimitRangeFields};

}  // namespace labctl::manifest
