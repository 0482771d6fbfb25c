// Metadata, selectors and the small kinds: meta/v1, core/v1 Namespace and Node.

#include "topology/manifest/kinds.hpp"
#include "topology/manifest/tree_values.hpp"

#include <array>

namespace labctl::manifest {
namespace {

constexpr std::array kMetadataFields{
    text("name"),
    text("generateName"),
    text("namespace", check_dns_label),
    string_map("labels", check_label_key, check_label_value),
    string_map("annotations", check_label_key),
    // Written by a server; harmless in what was exported from a cluster.
    any("uid"),
    any("resourceVersion"),
    any("creationTimestamp"),
    any("generation"),
    any("managedFields"),
    any("selfLink"),
    any("ownerReferences"),
    any("deletionTimestamp"),
    any("deletionGracePeriodSeconds"),
    later("finalizers"),
};

constexpr std::array kTemplateMetadataFields{
    string_map("labels", check_label_key, check_label_value),
    string_map("annotations", check_label_key),
    without_effect("name"),
    without_effect("generateName"),
    without_effect("namespace"),
    any("creationTimestamp"),
};

constexpr std::array<std::string_view, 4> kOperators{"In", "NotIn", "Exists", "DoesNotExist"};

constexpr std::array kRequirementFields{
    text("key", check_label_key).required(),
    text("operator").one_of(kOperators).required(),
    texts("values", check_label_value),
};

void check_requirement(const Place& place, Findings& findings) {
  const std::string op(place.field("operator").text());
  const size_t values = place.field("values").size();
  if ((op == "In" || op == "NotIn") && values == 0) {
    findings.error(place.field("values"), "is required with the operator " + op);
  } else if ((op == "Exists" || op == "DoesNotExist") && values > 0) {
    findings.error(place.field("values"), "must be left out with the operator " + op);
  }
}
constexpr Schema kRequirement{"selector requirement", kRequirementFields, check_requirement};

constexpr std::array kLabelSelectorFields{
    string_map("matchLabels", check_label_key, check_label_value),
    list("matchExpressions", kRequirement),
};

constexpr std::array kAnyObjectFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
};

constexpr std::array kNamespaceSpecFields{any("finalizers")};
constexpr Schema kNamespaceSpec{"Namespace spec", kNamespaceSpecFields};
constexpr std::array kNamespaceFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kNamespaceSpec),
    reserved("status"),
};

constexpr std::array kNodeSpecFields{
    without_effect("podCIDR"), without_effect("podCIDRs"), without_effect("providerID"),
    later("taints"),           later("unschedulable"),
};
constexpr Schema kNodeSpec{"Node spec", kNodeSpecFields};
constexpr std::array kNodeFields{
    text("apiVersion"),        text("kind"),       object("metadata", kMetadata).required(),
    object("spec", kNodeSpec), reserved("status"),
};

}  // namespace

constexpr Schema kMetadata{"metadata", kMetadataFields};
constexpr Schema kTemplateMetadata{"pod template's metadata", kTemplateMetadataFields};
constexpr Schema kLabelSelector{"label selector", kLabelSelectorFields};
constexpr Schema kAnyObject{"object", kAnyObjectFields};
constexpr Schema kNamespace{"Namespace", kNamespaceFields};
constexpr Schema kNode{"Node", kNodeFields};

}  // namespace labctl::manifest
