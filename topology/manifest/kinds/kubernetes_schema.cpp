// Metadata, selectors and the small kinds: meta/v1, core/v1 Namespace and Node.

#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/kinds/scheduling_schema.hpp"
#include "topology/manifest/kinds/status_schema.hpp"
#include "topology/manifest/yaml/tree_values.hpp"

#include <array>

namespace labctl::manifest {
namespace {

// Of keys and values of all annotations together (apimachinery, TotalAnnotationSizeLimitB).
constexpr size_t kAnnotationsSizeMax = 256u << 10;

constexpr std::array kOwnerReferenceFields{
    text("apiVersion", check_not_empty).required(),
    text("kind", check_not_empty).required(),
    text("name", check_not_empty).required(),
    text("uid", check_not_empty).required(),
    boolean("controller"),
    boolean("blockOwnerDeletion"),
};
constexpr Schema kOwnerReference{"ownerReference", kOwnerReferenceFields};

constexpr Schema kFieldsOfManager{.name = "managed fields", .fields = {}, .is_open = true};
constexpr std::array kManagedFieldsFields{
    text("manager"),     text("operation"),
    text("apiVersion"),  text("time", check_timestamp),
    text("fieldsType"),  object("fieldsV1", kFieldsOfManager),
    text("subresource"),
};
constexpr Schema kManagedFields{"managedFields entry", kManagedFieldsFields};

constexpr std::array kMetadataFields{
    text("name"),
    text("generateName"),
    text("namespace", check_dns_label),
    string_map("labels", check_label_key, check_label_value),
    string_map("annotations", check_label_key),
    list("ownerReferences", kOwnerReference),
    texts("finalizers", check_qualified_name),
    // Written by a server; harmless in what was exported from a cluster.
    text("uid"),
    text("resourceVersion"),
    text("creationTimestamp", check_timestamp),
    any_integer("generation"),
    list("managedFields", kManagedFields),
    text("selfLink"),
    text("deletionTimestamp", check_timestamp),
    any_integer("deletionGracePeriodSeconds"),
};

void check_metadata(const Place& metadata, Findings& findings) {
  size_t size = 0;
  const Place annotations = metadata.field("annotations");
  if (annotations) {
    for (const YamlEntry& entry : annotations.node->entries) {
      size += entry.key.size() + entry.value->text.size();
    }
  }
  if (size > kAnnotationsSizeMax) {
    findings.error(annotations, "may not be more than " + std::to_string(kAnnotationsSizeMax) +
                                    " bytes long together, got " + std::to_string(size));
  }
  const Place owners = metadata.field("ownerReferences");
  std::string first;
  for (size_t i = 0; i < owners.size(); ++i) {
    const Place owner = owners.item(i);
    if (!truth_at(owner.field("controller"), false)) {
      continue;
    }
    const std::string name =
        std::string(owner.field("kind").text()) + "/" + std::string(owner.field("name").text());
    if (!first.empty()) {
      findings.error(owner.field("controller"),
                     "only one reference can have controller set to true, found it in those to " + first +
                         " and " + name);
      break;
    }
    first = name;
  }
}

constexpr std::array kTemplateMetadataFields{
    string_map("labels", check_label_key, check_label_value),
    string_map("annotations", check_label_key),
    text("name").without_effect(),
    text("generateName").without_effect(),
    text("namespace").without_effect(),
    text("creationTimestamp", check_timestamp),
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

constexpr std::array kNamespaceSpecFields{texts("finalizers", check_qualified_name)};
constexpr Schema kNamespaceSpec{"Namespace spec", kNamespaceSpecFields};
constexpr std::array kNamespaceFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kNamespaceSpec),
    reserved("status", kNamespaceStatus),
};

constexpr std::array kNodeSpecFields{
    text("podCIDR", check_cidr).without_effect(),
    texts("podCIDRs", check_cidr).without_effect(),
    text("providerID").without_effect(),
    list("taints", kTaint),
    boolean("unschedulable"),
};
void check_node_spec(const Place& spec, Findings& findings) { check_taints(spec.field("taints"), findings); }
constexpr Schema kNodeSpec{"Node spec", kNodeSpecFields, check_node_spec};
constexpr std::array kNodeFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kNodeSpec),
    reserved("status", kNodeStatus),
};

constexpr std::array kObjectNameFields{
    text("kind"),       text("namespace"),       text("name"),      text("uid"),
    text("apiVersion"), text("resourceVersion"), text("fieldPath"),
};
constexpr Schema kObjectName{"object reference", kObjectNameFields};
constexpr std::array kEventSourceFields{text("component"), text("host")};
constexpr Schema kEventSource{"event source", kEventSourceFields};
constexpr std::array kEventSeriesFields{any_integer("count"), text("lastObservedTime", check_timestamp)};
constexpr Schema kEventSeries{"event series", kEventSeriesFields};
constexpr std::array kEventFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("involvedObject", kObjectName),
    text("reason"),
    text("message"),
    object("source", kEventSource),
    text("firstTimestamp", check_timestamp),
    text("lastTimestamp", check_timestamp),
    any_integer("count"),
    text("type"),
    text("eventTime", check_timestamp),
    object("series", kEventSeries),
    text("action"),
    object("related", kObjectName),
    text("reportingComponent"),
    text("reportingInstance"),
};

}  // namespace

constexpr Schema kEvent{"Event", kEventFields};
constexpr Schema kMetadata{"metadata", kMetadataFields, check_metadata};
constexpr Schema kTemplateMetadata{"pod template's metadata", kTemplateMetadataFields};
constexpr Schema kLabelSelector{"label selector", kLabelSelectorFields};
constexpr Schema kAnyObject{"object", kAnyObjectFields};
constexpr Schema kNamespace{"Namespace", kNamespaceFields};
constexpr Schema kNode{"Node", kNodeFields};

}  // namespace labctl::manifest
