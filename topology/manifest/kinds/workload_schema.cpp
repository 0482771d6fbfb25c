// apps/v1: what makes pods from a template, and the rules between
// selector and template (apis/apps/validation).

#include "topology/manifest/kinds/api_refusals.hpp"
#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/kinds/status_schema.hpp"
#include "topology/manifest/kinds/volume_schema.hpp"
#include "topology/manifest/yaml/tree_values.hpp"

#include <array>

namespace labctl::manifest {
namespace {

constexpr std::array kTemplateFields{object("metadata", kTemplateMetadata),
                                     object("spec", kPodSpec).required()};

constexpr Field count_or_share(std::string_view name) {
  return {.name = name,
          .type = FieldType::IntOrString,
          .check = check_int_or_percent,
          .min = 0,
          .max = std::numeric_limits<std::int32_t>::max()};
}

// The rules that hold for every workload.
void check_workload_spec(const Place& spec, std::string_view kind, Findings& findings) {
  const Place selector = spec.field("selector");
  const Place pod_template = spec.field("template");
  const Place metadata = pod_template.field("metadata");
  const model::LabelSelector wanted = selector_at(selector);
  if (wanted == model::LabelSelector{}) {
    findings.error(selector, "must not be empty: it would take every pod of the namespace",
                   "as in selector: {matchLabels: {app: web}}");
  } else if (const model::Labels given = labels_at(metadata.field("labels")); !wanted.matches(given)) {
    std::string hint;
    for (const auto& [key, value] : wanted.match_labels) {
      const auto found = given.find(key);
      if (found == given.end() || found->second != value) {
        hint = "add " + key + ": " + (value.empty() ? "\"\"" : value) +
               " to template.metadata.labels, or change the selector";
        break;
      }
    }
    findings.error(selector, "does not match the labels of the template",
                   hint.empty() ? "make template.metadata.labels match every matchExpressions entry" : hint);
  }
  const Place pod_spec = pod_template.field("spec");
  const Place restart = pod_spec.field("restartPolicy");
  if (restart && restart.text() != "Always") {
    findings.error(restart, "must be Always in a template, got " + in_quotes(restart.text()),
                   "write a pod that may end as a Pod of its own, or as a Job");
  }
  if (const Place deadline = pod_spec.field("activeDeadlineSeconds")) {
    refuse_field(deadline, "activeDeadlineSeconds in " + std::string(kind) + " is not Supported", findings,
                 "write a Job or a Pod of its own");
  }
  if (const Place ephemeral = pod_spec.field("ephemeralContainers"); ephemeral.size() > 0) {
    refuse_field(ephemeral, "ephemeral containers not allowed in pod template", findings);
  }
}

void check_replicated_spec(const Place& spec, Findings& findings) {
  check_workload_spec(spec, "ReplicaSet", findings);
}
void check_stateful_spec(const Place& spec, Findings& findings) {
  check_workload_spec(spec, "StatefulSet", findings);
}
void check_daemon_spec(const Place& spec, Findings& findings) {
  check_workload_spec(spec, "DaemonSet", findings);
}

// ---- Deployment ---------------------------------------------------------------------------------
constexpr std::array<std::string_view, 2> kDeploymentStrategies{"RollingUpdate", "Recreate"};
constexpr std::array kRollingFields{count_or_share("maxSurge"), count_or_share("maxUnavailable")};

bool is_zero(const Place& place) {
  return place &&
         ((place.node->kind == YamlNode::Kind::Integer && place.node->integer == 0) || place.text() == "0%");
}

void check_rolling(const Place& place, Findings& findings) {
  if (is_zero(place.field("maxSurge")) && is_zero(place.field("maxUnavailable"))) {
    findings.error(place.field("maxUnavailable"),
                   "must not be 0 when maxSurge is 0: no pod could ever be replaced", "set one of them to 1");
  }
}
constexpr Schema kRolling{"rollingUpdate", kRollingFields, check_rolling};
constexpr std::array kStrategyFields{text("type").one_of(kDeploymentStrategies),
                                     object("rollingUpdate", kRolling)};

void check_strategy(const Place& place, Findings& findings) {
  if (place.field("type").text() == "Recreate" && place.field("rollingUpdate")) {
    findings.error(place.field("rollingUpdate"), "must be left out when type is Recreate", "remove it");
  }
}
constexpr Schema kStrategy{"deployment strategy", kStrategyFields, check_strategy};

constexpr std::array kDeploymentSpecFields{
    count("replicas"),
    object("selector", kLabelSelector).required(),
    object("template", kPodTemplate).required(),
    object("strategy", kStrategy),
    count("minReadySeconds"),
    count("revisionHistoryLimit"),
    boolean("paused"),
    count("progressDeadlineSeconds"),
};

void check_deployment_spec(const Place& spec, Findings& findings) {
  check_replicated_spec(spec, findings);
  constexpr std::int64_t kProgressDeadline = 600;  // the API's default
  const Place deadline = spec.field("progressDeadlineSeconds");
  const std::int64_t seconds = integer_at(deadline).value_or(kProgressDeadline);
  const Place min_ready = spec.field("minReadySeconds");
  if (seconds <= integer_at(min_ready).value_or(0)) {
    findings.error(deadline ? deadline : min_ready,
                   "Invalid value: " + std::to_string(seconds) + ": must be greater than minReadySeconds",
                   deadline ? "" : "set progressDeadlineSeconds, which is 600 when it is not given");
  }
}
constexpr Schema kDeploymentSpec{"Deployment spec", kDeploymentSpecFields, check_deployment_spec};
constexpr std::array kDeploymentFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kDeploymentSpec).required(),
    reserved("status", kDeploymentStatus),
};

// ---- ReplicaSet ---------------------------------------------------------------------------------
constexpr std::array kReplicaSetSpecFields{
    count("replicas"),
    object("selector", kLabelSelector).required(),
    object("template", kPodTemplate).required(),
    count("minReadySeconds"),
};
constexpr Schema kReplicaSetSpec{"ReplicaSet spec", kReplicaSetSpecFields, check_replicated_spec};
constexpr std::array kReplicaSetFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kReplicaSetSpec).required(),
    reserved("status", kReplicaSetStatus),
};

// ---- StatefulSet --------------------------------------------------------------------------------
constexpr std::array<std::string_view, 2> kPodManagement{"OrderedReady", "Parallel"};
constexpr std::array<std::string_view, 2> kUpdateStrategies{"RollingUpdate", "OnDelete"};
constexpr std::array kPartitionFields{count("partition"), count_or_share("maxUnavailable").later("1")};
constexpr Schema kPartition{"StatefulSet rollingUpdate", kPartitionFields};
constexpr std::array kStatefulUpdateFields{text("type").one_of(kUpdateStrategies),
                                           object("rollingUpdate", kPartition)};
constexpr Schema kStatefulUpdate{"StatefulSet updateStrategy", kStatefulUpdateFields};

constexpr std::array kOrdinalsFields{count("start")};
constexpr Schema kOrdinals{"StatefulSet ordinals", kOrdinalsFields};

// Of pods it is the subdomain, which is a label.
std::optional<Complaint> check_service_name(std::string_view text) {
  return text.empty() ? std::nullopt : check_dns_label(text);
}

constexpr std::array kStatefulSetSpecFields{
    count("replicas"),
    object("selector", kLabelSelector).required(),
    object("template", kPodTemplate).required(),
    text("serviceName", check_service_name),
    text("podManagementPolicy").one_of(kPodManagement),
    object("updateStrategy", kStatefulUpdate),
    count("minReadySeconds"),
    count("revisionHistoryLimit"),
    list("volumeClaimTemplates", kClaimTemplateOfSet),
    object("ordinals", kOrdinals),
    without_effect("persistentVolumeClaimRetentionPolicy"),
};
constexpr Schema kStatefulSetSpec{"StatefulSet spec", kStatefulSetSpecFields, check_stateful_spec};
constexpr std::array kStatefulSetFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kStatefulSetSpec).required(),
    reserved("status", kStatefulSetStatus),
};

// ---- DaemonSet ----------------------------------------------------------------------------------
constexpr std::array kDaemonRollingFields{count_or_share("maxSurge").later("0"),
                                          count_or_share("maxUnavailable")};

void check_daemon_rolling(const Place& place, Findings& findings) {
  const Place surge = place.field("maxSurge");
  if (is_zero(place.field("maxUnavailable")) && (!surge || is_zero(surge))) {
    findings.error(place.field("maxUnavailable"), "must not be 0: no pod could ever be replaced",
                   "set it to 1");
  }
}
constexpr Schema kDaemonRolling{"DaemonSet rollingUpdate", kDaemonRollingFields, check_daemon_rolling};
constexpr std::array kDaemonUpdateFields{text("type").one_of(kUpdateStrategies),
                                         object("rollingUpdate", kDaemonRolling)};
constexpr Schema kDaemonUpdate{"DaemonSet updateStrategy", kDaemonUpdateFields};
constexpr std::array kDaemonSetSpecFields{
    object("selector", kLabelSelector).required(),
    object("template", kPodTemplate).required(),
    object("updateStrategy", kDaemonUpdate),
    count("minReadySeconds"),
    count("revisionHistoryLimit"),
};
constexpr Schema kDaemonSetSpec{"DaemonSet spec", kDaemonSetSpecFields, check_daemon_spec};
constexpr std::array kDaemonSetFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kDaemonSetSpec).required(),
    reserved("status", kDaemonSetStatus),
};

}  // namespace

constexpr Schema kPodTemplate{"pod template", kTemplateFields};
constexpr Schema kDeployment{"Deployment", kDeploymentFields};
constexpr Schema kReplicaSet{"ReplicaSet", kReplicaSetFields};
constexpr Schema kStatefulSet{"StatefulSet", kStatefulSetFields};
constexpr Schema kDaemonSet{"DaemonSet", kDaemonSetFields};

}  // namespace labctl::manifest
