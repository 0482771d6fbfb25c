// batch/v1 Job: its fields, and the rules between them (apis/batch/validation), in the API server's words.

#include "topology/manifest/kinds/api_refusals.hpp"
#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/kinds/status_schema.hpp"
#include "topology/manifest/yaml/tree_values.hpp"
#include "topology/model/index_set.hpp"
#include "topology/model/label_selector.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace labctl::manifest {
namespace {

constexpr std::array<std::string_view, 2> kCompletionModes{"NonIndexed", "Indexed"};
constexpr std::array<std::string_view, 2> kReplacementPolicies{"TerminatingOrFailed", "Failed"};
constexpr std::array<std::string_view, 4> kFailureActions{"FailJob", "FailIndex", "Ignore", "Count"};
constexpr std::array<std::string_view, 2> kExitCodeOperators{"In", "NotIn"};
constexpr std::array<std::string_view, 3> kConditionStatuses{"True", "False", "Unknown"};
constexpr std::string_view kNeedsIndexed = "requires indexed completion mode";
constexpr std::int64_t kIndexedParallelismMax = 100'000;
constexpr std::int64_t kIndexedCompletionsMax = 100'000;
constexpr size_t kFailureRulesMax = 20;
constexpr size_t kExitCodesMax = 255;

// ---- podFailurePolicy ---------------------------------------------------------------------------
constexpr std::array kExitCodesFields{
    text("containerName"), text("operator").one_of(kExitCodeOperators).required(), any("values").required()};

// Rising, as the API server wants them.
void check_exit_code(const Place& code, bool is_in, std::optional<std::int64_t>& before, Findings& findings) {
  const auto number = integer_at(code);
  if (!number) {
    findings.error(code, "must be a whole number");
  } else if (*number == 0 && is_in) {
    refuse_value(code, "must not be 0 for the In operator", findings, "0 is success");
  } else if (before && *before == *number) {
    refuse_second(code, findings);
  } else if (before && *before > *number) {
    refuse_value(code, "must be ordered", findings, "sort the values");
  }
  before = number ? number : before;
}

void check_exit_codes(const Place& place, Findings& findings) {
  const Place values = place.field("values");
  if (!values.node->is_sequence()) {
    findings.error(values, "must be a list of exit codes", "as in values: [1, 42]");
    return;
  }
  if (values.size() == 0 || values.size() > kExitCodesMax) {
    refuse_value(values,
                 values.size() == 0 ? "at least one value is required"
                                    : "must have at most " + std::to_string(kExitCodesMax) + " items",
                 findings);
    return;
  }
  std::optional<std::int64_t> before;
  for (size_t i = 0; i < values.size(); ++i) {
    check_exit_code(values.item(i), place.field("operator").text() == "In", before, findings);
  }
}
constexpr Schema kExitCodes{"onExitCodes", kExitCodesFields, check_exit_codes};

constexpr std::array kPodConditionFields{text("type", check_qualified_name).required(),
                                         text("status").one_of(kConditionStatuses)};
constexpr Schema kPodConditionPattern{"onPodConditions entry", kPodConditionFields};

constexpr std::array kFailureRuleFields{text("action").one_of(kFailureActions).required(),
                                        object("onExitCodes", kExitCodes),
                                        list("onPodConditions", kPodConditionPattern)};

void check_failure_rule(const Place& rule, Findings& findings) {
  const bool has_codes = static_cast<bool>(rule.field("onExitCodes"));
  const bool has_conditions = rule.field("onPodConditions").size() > 0;
  if (has_codes && has_conditions) {
    refuse_value(rule, "specifying both OnExitCodes and OnPodConditions is not supported", findings,
                 "write two rules");
  } else if (!has_codes && !has_conditions) {
    refuse_value(rule, "specifying one of OnExitCodes and OnPodConditions is required", findings,
                 "as in onExitCodes: {operator: In, values: [42]}");
  }
}
constexpr Schema kFailureRule{"podFailurePolicy rule", kFailureRuleFields, check_failure_rule};
constexpr std::array kFailurePolicyFields{list("rules", kFailureRule).required()};

void check_failure_policy(const Place& policy, Findings& findings) {
  const Place rules = policy.field("rules");
  if (rules.size() > kFailureRulesMax) {
    findings.error(rules, "Too many: " + std::to_string(rules.size()) + ": must have at most " +
                              std::to_string(kFailureRulesMax) + " items");
  }
}
constexpr Schema kFailurePolicy{"podFailurePolicy", kFailurePolicyFields, check_failure_policy};

// ---- successPolicy ------------------------------------------------------------------------------
constexpr std::array kSuccessRuleFields{text("succeededIndexes"), count("succeededCount")};

void check_success_rule(const Place& rule, Findings& findings) {
  const Place indexes = rule.field("succeededIndexes");
  const Place wanted = rule.field("succeededCount");
  if (!indexes && !wanted) {
    refuse_missing(rule, "at least one of succeededCount or succeededIndexes must be specified", findings);
    return;
  }
  const auto set = model::IndexSet::parse(indexes.text());
  if (indexes && !set) {
    refuse_value(indexes, "error parsing succeededIndexes: numbers and ranges in rising order are expected",
                 findings, "as in \"0,2-4\"");
  } else if (indexes && wanted && integer_at(wanted).value_or(0) > set->size()) {
    refuse_value(wanted,
                 "must be less than or equal to " + std::to_string(set->size()) +
                     " (the number of indexes in the specified succeededIndexes field)",
                 findings);
  }
}
constexpr Schema kSuccessRule{"successPolicy rule", kSuccessRuleFields, check_success_rule};
constexpr std::array kSuccessPolicyFields{list("rules", kSuccessRule).required().not_empty()};
constexpr Schema kSuccessPolicy{"successPolicy", kSuccessPolicyFields};

// ---- Job ----------------------------------------------------------------------------------------
constexpr std::array kJobSpecFields{
    count("parallelism"),
    count("completions"),
    text("completionMode").one_of(kCompletionModes),
    integer("activeDeadlineSeconds", 0, std::numeric_limits<std::int64_t>::max()),
    count("backoffLimit"),
    count("backoffLimitPerIndex"),
    count("maxFailedIndexes"),
    count("ttlSecondsAfterFinished"),
    boolean("suspend"),
    boolean("manualSelector"),
    object("selector", kLabelSelector),
    object("template", kPodTemplate).required(),
    object("podFailurePolicy", kFailurePolicy),
    object("successPolicy", kSuccessPolicy),
    text("podReplacementPolicy").one_of(kReplacementPolicies),
    text("managedBy", check_qualified_name),
};

void check_restart_policy(const Place& spec, Findings& findings) {
  const Place pod_template = spec.field("template");
  const Place pod = pod_template.field("spec");
  const Place restart = pod.field("restartPolicy");
  if (!restart || restart.text() == "Always" || restart.text().empty()) {
    refuse_missing(
        restart, "valid values: \"OnFailure\", \"Never\"", findings,
        "a Job's pods end: restartPolicy: Never has a failed pod replaced, OnFailure its container "
        "restarted");
  } else if (spec.field("podFailurePolicy") && restart.text() != "Never") {
    refuse_value(restart, "only \"Never\" is supported when podFailurePolicy is specified", findings);
  }
}

// Without manualSelector the lab makes one; what an export has of it is made anew.
bool is_made_by_the_lab(const model::LabelSelector& selector) {
  return selector.match_expressions.empty() &&
         std::all_of(selector.match_labels.begin(), selector.match_labels.end(), [](const auto& label) {
           return label.first == "controller-uid" || label.first == "batch.kubernetes.io/controller-uid";
         });
}

void check_selector(const Place& spec, Findings& findings) {
  const Place selector = spec.field("selector");
  const model::LabelSelector wanted = selector_at(selector);
  const Place pod_template = spec.field("template");
  const Place metadata = pod_template.field("metadata");
  if (!truth_at(spec.field("manualSelector"), false)) {
    if (!is_made_by_the_lab(wanted)) {
      refuse_value(selector, "`selector` not auto-generated", findings,
                   "leave the selector out, or set manualSelector: true");
    }
  } else if (wanted == model::LabelSelector{}) {
    refuse_missing(selector, "", findings, "with manualSelector: true a selector is needed");
  } else if (!wanted.matches(labels_at(metadata.field("labels")))) {
    refuse_value(metadata.field("labels"), "`selector` does not match template `labels`", findings);
  }
}

void check_indexed(const Place& spec, Findings& findings) {
  const Place completions = spec.field("completions");
  const Place parallelism = spec.field("parallelism");
  const Place most = spec.field("maxFailedIndexes");
  if (!completions) {
    refuse_missing(completions, "when completion mode is Indexed", findings, "how many indexes there are");
    return;
  }
  if (integer_at(parallelism).value_or(0) > kIndexedParallelismMax) {
    refuse_value(parallelism, "must be less than or equal to 100000 when completion mode is Indexed",
                 findings);
  }
  if (most && integer_at(most).value_or(0) > integer_at(completions).value_or(0)) {
    refuse_value(most, "must be less than or equal to completions", findings);
  }
  const bool is_per_index = static_cast<bool>(spec.field("backoffLimitPerIndex"));
  if (is_per_index && !most && integer_at(completions).value_or(0) > kIndexedCompletionsMax) {
    refuse_missing(most, "must be specified when completions is above 100000", findings);
  }
}

void check_indexes(const Place& spec, Findings& findings) {
  const Place per_index = spec.field("backoffLimitPerIndex");
  const Place most = spec.field("maxFailedIndexes");
  if (spec.field("completionMode").text() == "Indexed") {
    check_indexed(spec, findings);
  } else {
    for (const char* name : {"backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"}) {
      if (const Place field = spec.field(name)) {
        refuse_value(field, kNeedsIndexed, findings, "add completionMode: Indexed and completions");
      }
    }
  }
  if (most && !per_index) {
    refuse_missing(per_index, "when maxFailedIndexes is specified", findings);
  }
}

std::set<std::string, std::less<>> container_names(const Place& pod) {
  std::set<std::string, std::less<>> names;
  for (const char* field : {"containers", "initContainers"}) {
    const Place containers = pod.field(field);
    for (size_t i = 0; i < containers.size(); ++i) {
      const Place container = containers.item(i);
      names.emplace(container.field("name").text());
    }
  }
  return names;
}

void check_failure_rules(const Place& spec, Findings& findings) {
  const Place policy = spec.field("podFailurePolicy");
  const Place rules = policy.field("rules");
  const Place replacement = spec.field("podReplacementPolicy");
  if (policy && replacement && replacement.text() != "Failed") {
    findings.error(replacement,
                   "Unsupported value: " + in_quotes(replacement.text()) + ": supported values: \"Failed\"",
                   "with a podFailurePolicy only failed pods are replaced");
  }
  const Place pod_template = spec.field("template");
  const auto names = container_names(pod_template.field("spec"));
  for (size_t i = 0; i < rules.size(); ++i) {
    const Place rule = rules.item(i);
    const Place action = rule.field("action");
    if (action.text() == "FailIndex" && !spec.field("backoffLimitPerIndex")) {
      refuse_value(action, "requires the backoffLimitPerIndex to be set", findings);
    }
    const Place codes = rule.field("onExitCodes");
    const Place name = codes.field("containerName");
    if (name && !names.contains(name.text())) {
      refuse_value(name, "must be one of the container or initContainer names in the pod template", findings);
    }
  }
}

void check_job_spec(const Place& spec, Findings& findings) {
  check_restart_policy(spec, findings);
  check_selector(spec, findings);
  check_indexes(spec, findings);
  check_failure_rules(spec, findings);
}

// Its pods carry it as a label, those of an Indexed Job as host name, with the index.
void check_job(const Place& job, Findings& findings) {
  const Place metadata = job.field("metadata");
  const Place name = metadata.field("name");
  const Place spec = job.field("spec");
  if (name.text().size() > kLabelMax) {
    findings.error(name,
                   "must be no more than " + std::to_string(kLabelMax) + " characters, got " +
                       std::to_string(name.text().size()) + ": it is a label of the Job's pods",
                   "shorten the name");
    return;
  }
  const std::int64_t completions = integer_at(spec.field("completions")).value_or(0);
  if (spec.field("completionMode").text() == "Indexed" && completions > 0) {
    const std::string host = std::string(name.text()) + "-" + std::to_string(completions - 1);
    if (const auto complaint = check_dns_label(host)) {
      refuse_value(name, "will not able to create pod with invalid DNS label: " + host, findings,
                   complaint->hint);
    }
  }
}

constexpr std::array kJobFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kJobSpec).required(),
    reserved("status", kJobStatus),
};

}  // namespace

constexpr Schema kJobSpec{"Job spec", kJobSpecFields, check_job_spec};
constexpr Schema kJob{"Job", kJobFields, check_job};

}  // namespace labctl::manifest
