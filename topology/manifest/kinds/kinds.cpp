#include "topology/manifest/kinds/kinds.hpp"

#include <algorithm>
#include <array>

namespace labctl::manifest {
namespace {

constexpr std::string_view kRbac = "rbac.authorization.k8s.io/v1";
constexpr std::string_view kAdmission = "admissionregistration.k8s.io/v1";

constexpr std::array kKinds{
    Kind{"v1", "Namespace", Support::Acted, false, &kNamespace, check_dns_label},
    Kind{"v1", "Node", Support::Acted, false, &kNode},
    Kind{"v1", "Pod", Support::Acted, true, &kPod},
    Kind{"apps/v1", "Deployment", Support::Acted, true, &kDeployment},
    Kind{"apps/v1", "ReplicaSet", Support::Acted, true, &kReplicaSet},
    Kind{"apps/v1", "StatefulSet", Support::Acted, true, &kStatefulSet, check_dns_label},
    Kind{"apps/v1", "DaemonSet", Support::Acted, true, &kDaemonSet},
    Kind{"batch/v1", "Job", Support::Acted, true, &kJob},
    Kind{"batch/v1", "CronJob", Support::Acted, true, &kCronJob},
    Kind{"v1", "Service", Support::Acted, true, &kService, check_dns_1035_label},
    Kind{"v1", "Endpoints", Support::Acted, true, &kEndpoints},
    Kind{"discovery.k8s.io/v1", "EndpointSlice", Support::Acted, true, &kEndpointSlice},
    Kind{"v1", "Event", Support::Later, true, &kEvent},
    Kind{"v1", "ConfigMap", Support::Acted, true, &kConfigMap},
    Kind{"v1", "Secret", Support::Acted, true, &kSecret},
    Kind{"v1", "ServiceAccount", Support::Acted, true, &kServiceAccount},
    Kind{"v1", "PersistentVolumeClaim", Support::Acted, true, &kPersistentVolumeClaim},
    Kind{"v1", "PersistentVolume", Support::Acted, false, &kPersistentVolume},
    Kind{"storage.k8s.io/v1", "StorageClass", Support::Acted, false, &kStorageClass},
    Kind{"networking.k8s.io/v1", "NetworkPolicy", Support::KeptForLater, true, &kNetworkPolicy},
    Kind{"networking.k8s.io/v1", "Ingress", Support::KeptForLater, true, &kIngress},
    Kind{"networking.k8s.io/v1", "IngressClass", Support::Kept, false, &kIngressClass},
    Kind{"policy/v1", "PodDisruptionBudget", Support::Kept, true, &kPodDisruptionBudget},
    Kind{"autoscaling/v2", "HorizontalPodAutoscaler", Support::Kept, true, &kHorizontalPodAutoscaler},
    Kind{"autoscaling/v1", "HorizontalPodAutoscaler", Support::Kept, true, &kHorizontalPodAutoscalerV1},
    Kind{"scheduling.k8s.io/v1", "PriorityClass", Support::Acted, false, &kPriorityClass},
    Kind{"v1", "ResourceQuota", Support::Acted, true, &kResourceQuota},
    Kind{"v1", "LimitRange", Support::Acted, true, &kLimitRange},
    Kind{kRbac, "Role", Support::Kept, true, &kRole, check_path_segment},
    Kind{kRbac, "ClusterRole", Support::Kept, false, &kClusterRole, check_path_segment},
    Kind{kRbac, "RoleBinding", Support::Kept, true, &kRoleBinding, check_path_segment},
    Kind{kRbac, "ClusterRoleBinding", Support::Kept, false, &kClusterRoleBinding, check_path_segment},
    Kind{"coordination.k8s.io/v1", "Lease", Support::Kept, true, &kLease},
    Kind{"node.k8s.io/v1", "RuntimeClass", Support::Kept, false, &kRuntimeClass},
    Kind{kAdmission, "ValidatingWebhookConfiguration", Support::Kept, false, &kWebhookConfiguration},
    Kind{kAdmission, "MutatingWebhookConfiguration", Support::Kept, false, &kWebhookConfiguration},
    Kind{kLabApi, "Cluster", Support::Lab, false, &kCluster, check_dns_label},
    Kind{kLabApi, "Scenario", Support::Lab, false, &kScenario},
    Kind{kLabApi, "Probe", Support::Lab, false, &kProbe},
};

}  // namespace

std::span<const Kind> kinds() { return kKinds; }

const Kind* find_kind(std::string_view api_version, std::string_view name) {
  const auto found = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& kind) {
    return kind.api_version == api_version && kind.name == name;
  });
  return found == kKinds.end() ? nullptr : &*found;
}

void report_support(const Place& at, const Kind& kind, bool is_client, Findings& findings) {
  const std::string name(kind.name);
  const bool is_for_later = kind.support == Support::KeptForLater;
  if (kind.support == Support::Later && !is_client) {
    findings.repeated(at, {"later " + name, "left out: " + name + " is not acted on yet",
                           "the lab is built without it", false, true, Topic::LeftOut, name});
  } else if (is_for_later || kind.support == Support::Kept) {
    findings.repeated(at, {"kept " + name, name + " is kept and shown, without effect", "", false,
                           is_for_later, Topic::KeptOnly, name});
  }
}

const Kind& kept_as(const Kind& kind) {
  const auto group = [](const Kind& one) { return one.api_version.substr(0, one.api_version.find('/')); };
  const auto first = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& one) {
    return one.name == kind.name && group(one) == group(kind);
  });
  return first == kKinds.end() ? kind : *first;
}

}  // namespace labctl::manifest
