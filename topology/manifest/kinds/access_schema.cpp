// Who may do what, and who decides it: rbac.authorization.k8s.io/v1, admissionregistration.k8s.io/v1,
// coordination.k8s.io/v1 Lease and node.k8s.io/v1 RuntimeClass, with the rules of API validation.

#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/kinds/status_schema.hpp"

#include <array>

namespace labctl::manifest {
namespace {

// ---- RBAC ---------------------------------------------------------------------------------------
constexpr std::array kRuleFields{
    texts("verbs").required().not_empty(),
    texts("apiGroups"),
    texts("resources"),
    texts("resourceNames"),
    texts("nonResourceURLs"),
};

// ValidatePolicyRule.
void check_rule(const Place& rule, Findings& findings) {
  if (rule.field("nonResourceURLs").size() > 0) {
    if (rule.field("apiGroups").size() > 0 || rule.field("resources").size() > 0) {
      findings.error(rule.field("nonResourceURLs"),
                     "Invalid value: rules cannot apply to both regular resources and non-resource URLs");
    }
    return;
  }
  if (rule.field("apiGroups").size() == 0) {
    findings.error(rule.field("apiGroups"),
                   "Required value: resource rules must supply at least one api group",
                   "as in apiGroups: [\"\"]");
  }
  if (rule.field("resources").size() == 0) {
    findings.error(rule.field("resources"),
                   "Required value: resource rules must supply at least one resource");
  }
}
constexpr Schema kRule{"policy rule", kRuleFields, check_rule};
constexpr std::array kRoleFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    list("rules", kRule),
};

constexpr std::array kAggregationFields{list("clusterRoleSelectors", kLabelSelector)};
constexpr Schema kAggregation{"aggregation rule", kAggregationFields};
constexpr std::array kClusterRoleFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    list("rules", kRule),
    object("aggregationRule", kAggregation),
};

constexpr std::array<std::string_view, 3> kSubjectKinds{"ServiceAccount", "User", "Group"};
constexpr std::array kSubjectFields{
    text("kind").one_of(kSubjectKinds).required(),
    text("apiGroup"),
    text("name", check_not_empty).required(),
    text("namespace"),
};

// ValidateRoleBindingSubject; a RoleBinding's subject is not completed by its namespace.
void check_subject(const Place& subject, Findings& findings) {
  if (subject.field("kind").text() == "ServiceAccount" && subject.field("namespace").text().empty()) {
    findings.error(subject.field("namespace"), "Required value", "that of the ServiceAccount");
  }
}
constexpr Schema kSubject{"subject", kSubjectFields, check_subject};

constexpr std::array<std::string_view, 2> kRoleKinds{"Role", "ClusterRole"};
constexpr std::array<std::string_view, 1> kClusterRoleKinds{"ClusterRole"};
constexpr std::array<std::string_view, 1> kRbacGroups{"rbac.authorization.k8s.io"};
constexpr std::array kRoleRefFields{
    text("apiGroup").one_of(kRbacGroups),
    text("kind").one_of(kRoleKinds).required(),
    text("name", check_not_empty).required(),
};
constexpr Schema kRoleRef{"roleRef", kRoleRefFields};
constexpr std::array kClusterRoleRefFields{
    text("apiGroup").one_of(kRbacGroups),
    text("kind").one_of(kClusterRoleKinds).required(),
    text("name", check_not_empty).required(),
};
constexpr Schema kClusterRoleRef{"roleRef of a ClusterRoleBinding", kClusterRoleRefFields};
constexpr std::array kRoleBindingFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    list("subjects", kSubject),
    object("roleRef", kRoleRef).required(),
};
constexpr std::array kClusterRoleBindingFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    list("subjects", kSubject),
    object("roleRef", kClusterRoleRef).required(),
};

// ---- Admission ----------------------------------------------------------------------------------
constexpr std::array kWebhookServiceFields{
    text("namespace", check_not_empty).required(),
    text("name", check_not_empty).required(),
    text("path"),
    port("port"),
};
constexpr Schema kWebhookService{"webhook's service", kWebhookServiceFields};
constexpr std::array kClientConfigFields{text("url"), object("service", kWebhookService), text("caBundle")};

void check_client_config(const Place& config, Findings& findings) {
  if (bool(config.field("url")) == bool(config.field("service"))) {
    findings.error(config, "Required value: exactly one of url or service is required");
  }
}
constexpr Schema kClientConfig{"webhook's clientConfig", kClientConfigFields, check_client_config};
constexpr std::array kOperationRuleFields{
    texts("operations").required().not_empty(),
    texts("apiGroups").required().not_empty(),
    texts("apiVersions").required().not_empty(),
    texts("resources").required().not_empty(),
    text("scope"),
};
constexpr Schema kOperationRule{"webhook's rule", kOperationRuleFields};
constexpr std::array kMatchConditionFields{text("name", check_not_empty).required(),
                                           text("expression", check_not_empty).required()};
constexpr Schema kMatchCondition{"match condition", kMatchConditionFields};
constexpr std::array<std::string_view, 2> kFailurePolicies{"Fail", "Ignore"};
constexpr std::array<std::string_view, 2> kMatchPolicies{"Exact", "Equivalent"};
constexpr std::array<std::string_view, 2> kSideEffects{"None", "NoneOnDryRun"};
constexpr std::array<std::string_view, 2> kReinvocations{"Never", "IfNeeded"};
constexpr std::array kWebhookFields{
    text("name", check_not_empty).required(),
    object("clientConfig", kClientConfig).required(),
    list("rules", kOperationRule),
    text("failurePolicy").one_of(kFailurePolicies),
    text("matchPolicy").one_of(kMatchPolicies),
    object("namespaceSelector", kLabelSelector),
    object("objectSelector", kLabelSelector),
    text("sideEffects").one_of(kSideEffects).required(),
    integer("timeoutSeconds", 1, 30),
    texts("admissionReviewVersions").required().not_empty(),
    list("matchConditions", kMatchCondition),
    text("reinvocationPolicy").one_of(kReinvocations),
};
constexpr Schema kWebhook{"webhook", kWebhookFields};
constexpr std::array kWebhooksFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    list("webhooks", kWebhook),
};

// ---- Leases and runtimes ------------------------------------------------------------------------
constexpr std::array kLeaseSpecFields{
    text("holderIdentity"),
    integer("leaseDurationSeconds", 1, std::numeric_limits<std::int32_t>::max()),
    text("acquireTime", check_timestamp),
    text("renewTime", check_timestamp),
    count("leaseTransitions"),
    text("strategy"),
    text("preferredHolder"),
};
constexpr Schema kLeaseSpec{"Lease spec", kLeaseSpecFields};
constexpr std::array kLeaseFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kLeaseSpec),
};

constexpr Schema kOverhead{.name = "overhead", .fields = {}, .is_open = true};
constexpr Schema kRuntimeToleration{.name = "toleration of a RuntimeClass", .fields = {}, .is_open = true};
constexpr std::array kRuntimeSchedulingFields{string_map("nodeSelector", check_label_key, check_label_value),
                                              list("tolerations", kRuntimeToleration)};
constexpr Schema kRuntimeScheduling{"scheduling of a RuntimeClass", kRuntimeSchedulingFields};
constexpr std::array kRuntimeClassFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    text("handler", check_dns_label).required(),
    object("overhead", kOverhead),
    object("scheduling", kRuntimeScheduling),
};

}  // namespace

// IsValidPathSegmentName.
std::optional<Complaint> check_path_segment(std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.find_first_of("/%") != std::string_view::npos) {
    return Complaint{in_quotes(name) + " is not allowed: not empty, \".\" or \"..\", without \"/\" and \"%\"",
                     "for instance \"web-reader\""};
  }
  return std::nullopt;
}

constexpr Schema kRole{"Role", kRoleFields};
constexpr Schema kClusterRole{"ClusterRole", kClusterRoleFields};
constexpr Schema kRoleBinding{"RoleBinding", kRoleBindingFields};
constexpr Schema kClusterRoleBinding{"ClusterRoleBinding", kClusterRoleBindingFields};
constexpr Schema kWebhookConfiguration{"webhook configuration", kWebhooksFields};
constexpr Schema kLease{"Lease", kLeaseFields};
constexpr Schema kRuntimeClass{"RuntimeClass", kRuntimeClassFields};

}  // namespace labctl::manifest
