#include "labctl/apiserver/patch_schema.hpp"

#include "topology/manifest/kinds/api_groups.hpp"

#include <algorithm>

namespace labctl::apiserver {
namespace {

constexpr PatchField object(std::string_view name, const PatchType& type) {
  return {.name = name, .type = &type};
}
constexpr PatchField by(std::string_view name, std::string_view key, const PatchType* item = nullptr) {
  return {.name = name, .type = item, .keys = {key, ""}};
}
constexpr PatchField by_both(std::string_view name, std::string_view key, std::string_view other) {
  return {.name = name, .keys = {key, other}};
}
constexpr PatchField set(std::string_view name) { return {.name = name, .is_set = true}; }
constexpr PatchField retaining(PatchField field) {
  field.retains_keys = true;
  return field;
}

// ---- meta/v1, core/v1 -------------------------------------------------------------------------------
constexpr std::array kObjectMetaFields{by("ownerReferences", "uid"), set("finalizers")};
constexpr PatchType kObjectMeta{kObjectMetaFields};

constexpr std::array kContainerFields{by_both("ports", "containerPort", "protocol"), by("env", "name"),
                                      by("volumeMounts", "mountPath"), by("volumeDevices", "devicePath")};
constexpr PatchType kContainer{kContainerFields};

constexpr std::array kPodSpecFields{
    by("containers", "name", &kContainer),
    by("initContainers", "name", &kContainer),
    by("ephemeralContainers", "name", &kContainer),
    retaining(by("volumes", "name")),
    by("imagePullSecrets", "name"),
    by("hostAliases", "ip"),
    by_both("topologySpreadConstraints", "topologyKey", "whenUnsatisfiable"),
    by("schedulingGates", "name"),
    retaining(by("resourceClaims", "name")),
};
constexpr PatchType kPodSpec{kPodSpecFields};
constexpr std::array kPodFields{object("metadata", kObjectMeta), object("spec", kPodSpec)};
constexpr PatchType kPod{kPodFields};  // a pod template, too

constexpr std::array kServiceSpecFields{by_both("ports", "port", "protocol")};
constexpr PatchType kServiceSpec{kServiceSpecFields};
constexpr std::array kServiceFields{object("metadata", kObjectMeta), object("spec", kServiceSpec)};
constexpr PatchType kService{kServiceFields};

constexpr std::array kNodeSpecFields{set("podCIDRs")};
constexpr PatchType kNodeSpec{kNodeSpecFields};
constexpr std::array kNodeFields{object("metadata", kObjectMeta), object("spec", kNodeSpec)};
constexpr PatchType kNode{kNodeFields};

constexpr std::array kServiceAccountFields{object("metadata", kObjectMeta), by("secrets", "name")};
constexpr PatchType kServiceAccount{kServiceAccountFields};

constexpr std::array kPlainFields{object("metadata", kObjectMeta)};
constexpr PatchType kPlain{kPlainFields};

// ---- apps/v1, batch/v1, policy/v1 -------------------------------------------------------------------
constexpr std::array kTemplateSpecFields{object("template", kPod)};
constexpr PatchType kTemplateSpec{kTemplateSpecFields};
constexpr std::array kTemplatedFields{object("metadata", kObjectMeta), object("spec", kTemplateSpec)};
constexpr PatchType kTemplated{kTemplatedFields};

constexpr std::array kDeploymentSpecFields{object("template", kPod),
                                           retaining(PatchField{.name = "strategy"})};
constexpr PatchType kDeploymentSpec{kDeploymentSpecFields};
constexpr std::array kDeploymentFields{object("metadata", kObjectMeta), object("spec", kDeploymentSpec)};
constexpr PatchType kDeployment{kDeploymentFields};

constexpr std::array kCronJobSpecFields{object("jobTemplate", kTemplated)};
constexpr PatchType kCronJobSpec{kCronJobSpecFields};
constexpr std::array kCronJobFields{object("metadata", kObjectMeta), object("spec", kCronJobSpec)};
constexpr PatchType kCronJob{kCronJobFields};

constexpr std::array kDisruptionBudgetSpecFields{PatchField{.name = "selector", .is_replaced = true}};
constexpr PatchType kDisruptionBudgetSpec{kDisruptionBudgetSpecFields};
constexpr std::array kDisruptionBudgetFields{object("metadata", kObjectMeta),
                                             object("spec", kDisruptionBudgetSpec)};
constexpr PatchType kDisruptionBudget{kDisruptionBudgetFields};

constexpr PatchType kCustom{};

struct KindRow {
  std::string_view group;
  std::string_view kind;
  const PatchType* type;
};
constexpr std::array kKinds{
    KindRow{"", "Pod", &kPod},
    KindRow{"", "Service", &kService},
    KindRow{"", "Node", &kNode},
    KindRow{"", "ServiceAccount", &kServiceAccount},
    KindRow{"", "ReplicationController", &kTemplated},
    KindRow{"apps", "Deployment", &kDeployment},
    KindRow{"apps", "ReplicaSet", &kTemplated},
    KindRow{"apps", "StatefulSet", &kTemplated},
    KindRow{"apps", "DaemonSet", &kTemplated},
    KindRow{"batch", "Job", &kTemplated},
    KindRow{"batch", "CronJob", &kCronJob},
    KindRow{"policy", "PodDisruptionBudget", &kDisruptionBudget},
};

}  // namespace

const PatchField* PatchType::find(std::string_view name) const {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const PatchField& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

const PatchType& patch_type(std::string_view api_version, std::string_view kind) {
  const std::string_view group = manifest::group_of(api_version);
  for (const KindRow& row : kKinds) {
    if (row.group == group && row.kind == kind) {
      return *row.type;
    }
  }
  return manifest::is_own_group(group) ? kPlain : kCustom;
}

}  // namespace labctl::apiserver
