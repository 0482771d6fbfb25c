#include "topology/manifest/kinds/kinds.hpp"

#include <algorithm>
#include <array>

namespace labctl::manifest {
namespace {

constexpr std::array kKinds{
    Kind{"v1", "Namespace", Support::Acted, false, &kNamespace, check_dns_label},
    Kind{"v1", "Node", Support::Acted, false, &kNode},
    Kind{"v1", "Pod", Support::Acted, true, &kPod},
    Kind{"apps/v1", "Deployment", Support::Acted, true, &kDeployment},
    Kind{"apps/v1", "ReplicaSet", Support::Acted, true, &kReplicaSet},
    Kind{"apps/v1", "StatefulSet", Support::Acted, true, &kStatefulSet, check_dns_label},
    Kind{"apps/v1", "DaemonSet", Support::Acted, true, &kDaemonSet},
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
    Kind{"networking.k8s.io/v1", "NetworkPolicy", Support::Later, true, &kAnyObject},
    Kind{"networking.k8s.io/v1", "Ingress", Support::Later, true, &kAnyObject},
    Kind{"networking.k8s.io/v1", "IngressClass", Support::Later, false, &kAnyObject},
    Kind{"batch/v1", "Job", Support::Later, true, &kAnyObject},
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

}  // namespace labctl::manifest
