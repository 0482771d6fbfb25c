// core/v1 PersistentVolumeClaim and PersistentVolume, storage.k8s.io/v1 StorageClass: their fields, and the rules
// of API validation (ValidatePersistentVolumeClaimSpec). A lab keeps a folder for each claim: what a volume is made
// of elsewhere (an NFS server, a disk) has no meaning here.

#include "topology/base/quantity.hpp"
#include "topology/manifest/kinds/api_refusals.hpp"
#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/kinds/status_schema.hpp"
#include "topology/manifest/kinds/volume_schema.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace labctl::manifest {
namespace {

constexpr std::array<std::string_view, 4> kAccessModes{"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany",
                                                       "ReadWriteOncePod"};
constexpr std::array<std::string_view, 2> kVolumeModes{"Filesystem", "Block"};
constexpr std::array<std::string_view, 3> kReclaimPolicies{"Retain", "Delete", "Recycle"};
constexpr std::array<std::string_view, 2> kBindingModes{"Immediate", "WaitForFirstConsumer"};

std::optional<Complaint> check_access_mode(std::string_view text) {
  if (std::find(kAccessModes.begin(), kAccessModes.end(), text) != kAccessModes.end()) {
    return std::nullopt;
  }
  return Complaint{
      "Unsupported value: " + in_quotes(text) +
          R"(: supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")",
      ""};
}

// A map of quantities, whose values may be numbers.
void check_amounts(const Place& amounts, Findings& findings) {
  for (const YamlEntry& entry : amounts.node->entries) {
    const Place amount = amounts.member(entry);
    if (!amount) {
      continue;
    }
    const auto value = parse_milli_quantity(amount.node->text);
    if (!value) {
      findings.error(amount, in_quotes(amount.node->text) + " is no quantity",
                     "as in 10Gi, 500M or 1.5Gi, without a blank");
    } else if (*value <= 0) {
      refuse_value(amount, "must be greater than zero", findings);
    }
  }
}
constexpr std::array<Field, 0> kNoFields{};
constexpr Schema kAmounts{
    .name = "amounts of resources", .fields = kNoFields, .check_always = nullptr, .is_open = true};

void check_storage_wanted(const Place& resources, Findings& findings) {
  for (const char* field : {"requests", "limits"}) {
    if (const Place amounts = resources.field(field); amounts && amounts.node->is_mapping()) {
      check_amounts(amounts, findings);
    }
  }
}
constexpr std::array kClaimResourcesFields{object("requests", kAmounts), object("limits", kAmounts)};
constexpr Schema kClaimResources{"claim's resources", kClaimResourcesFields, check_storage_wanted};

constexpr std::array kClaimSpecFields{
    texts("accessModes", check_access_mode),
    object("selector", kLabelSelector),
    object("resources", kClaimResources),
    text("volumeName"),
    text("storageClassName"),
    text("volumeMode").one_of(kVolumeModes),
    without_effect("dataSource"),
    without_effect("dataSourceRef"),
    without_effect("volumeAttributesClassName"),
};

void check_claim_spec_fields(const Place& spec, Findings& findings) {
  const Place modes = spec.field("accessModes");
  if (modes.size() == 0) {
    refuse_missing(modes, "at least 1 access mode is required", findings,
                   "as in accessModes: [ReadWriteOnce]");
  }
  const Place resources = spec.field("resources");
  const Place requests = resources.field("requests");
  const Place storage = requests.field("storage");
  if (!storage) {
    refuse_missing(storage, "", findings, "as in resources: {requests: {storage: 1Gi}}");
  }
}

constexpr std::array kClaimFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kClaimSpec).required(),
    reserved("status", kPersistentVolumeClaimStatus),
};

constexpr std::array kVolumeSpecFields{
    texts("accessModes", check_access_mode),
    object("capacity", kAmounts),
    text("persistentVolumeReclaimPolicy").one_of(kReclaimPolicies),
    text("storageClassName"),
    text("volumeMode").one_of(kVolumeModes),
};
// What it is made of is one of two dozen kinds, none of which a lab has.
constexpr Schema kVolumeSpec{
    .name = "PersistentVolume spec", .fields = kVolumeSpecFields, .check_always = nullptr, .is_open = true};
constexpr std::array kVolumeFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kVolumeSpec).required(),
    reserved("status", kPersistentVolumeStatus),
};

constexpr std::array kStorageClassFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    text("provisioner").required(),
    string_map("parameters"),
    text("reclaimPolicy").one_of(kReclaimPolicies),
    boolean("allowVolumeExpansion"),
    texts("mountOptions"),
    text("volumeBindingMode").one_of(kBindingModes),
    any("allowedTopologies"),
};

constexpr std::array kPhaseFields{text("phase")};

}  // namespace

constexpr Schema kPersistentVolumeClaimStatus{
    .name = "PersistentVolumeClaim status", .fields = kPhaseFields, .check_always = nullptr, .is_open = true};
constexpr Schema kPersistentVolumeStatus{
    .name = "PersistentVolume status", .fields = kPhaseFields, .check_always = nullptr, .is_open = true};
constexpr Schema kClaimSpec{"claim spec", kClaimSpecFields, check_claim_spec_fields};
constexpr Schema kPersistentVolumeClaim{"PersistentVolumeClaim", kClaimFields};
// Of a StatefulSet: kind and apiVersion go without saying.
constexpr Schema kClaimTemplateOfSet{"volumeClaimTemplates item", kClaimFields};
constexpr Schema kPersistentVolume{"PersistentVolume", kVolumeFields};
constexpr Schema kStorageClass{"StorageClass", kStorageClassFields};

}  // namespace labctl::manifest
