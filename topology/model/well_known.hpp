#pragma once

// Names that Kubernetes gives a meaning (https://kubernetes.io/docs/reference/labels-annotations-taints/):
// who writes one and who reads it must mean the same text.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace labctl::model {

// Namespaces that every cluster is born with; objects without one are in the first.
inline constexpr const char* kDefaultNamespace = "default";
inline constexpr const char* kSystemNamespace = "kube-system";
inline constexpr const char* kPublicNamespace = "kube-public";
inline constexpr const char* kLeaseNamespace = "kube-node-lease";
inline constexpr std::array kBornNamespaces{kDefaultNamespace, kLeaseNamespace, kPublicNamespace,
                                            kSystemNamespace};

// Services that others look for by name: the API's own in `default`, the DNS servers' in `kube-system`.
inline constexpr const char* kKubernetesService = "kubernetes";
inline constexpr const char* kDnsService = "kube-dns";
// The label by which the DNS servers are selected; its value is kDnsService.
inline constexpr const char* kDnsLabel = "k8s-app";

// PriorityClasses that every cluster has (apis/scheduling, SystemPriorityClasses).
struct SystemPriority {
  std::string_view name;
  std::int64_t value = 0;
  std::string_view description;
};
inline constexpr std::array kSystemPriorities{
    SystemPriority{"system-node-critical", 2000001000,
                   "Used for system critical pods that must not be moved from their current node."},
    SystemPriority{"system-cluster-critical", 2000000000,
                   "Used for system critical pods that must run in the cluster, but can be moved to another "
                   "node if necessary."}};

// The StorageClass that a lab brings.
inline constexpr const char* kLabStorageClass = "standard";

// Labels of every namespace and node.
inline constexpr const char* kNamespaceNameLabel = "kubernetes.io/metadata.name";
inline constexpr const char* kHostnameLabel = "kubernetes.io/hostname";
inline constexpr const char* kZoneLabel = "topology.kubernetes.io/zone";

// Labels of EndpointSlices: whose they are, and which controller's.
inline constexpr const char* kServiceNameLabel = "kubernetes.io/service-name";
inline constexpr const char* kManagedByLabel = "endpointslice.kubernetes.io/managed-by";

// A Service (or slice) with one of these labels, of any value, is no node's business.
inline constexpr const char* kHeadlessLabel = "service.kubernetes.io/headless";
inline constexpr const char* kServiceProxyLabel = "service.kubernetes.io/service-proxy-name";

// The copy that kubectl keeps of what was applied: nothing that follows from an object may take it over.
inline constexpr const char* kLastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";

// Characters of the hash that the names of what is made of a template end with, after a dash.
inline constexpr std::size_t kTemplateHashLength = 10;

}  // namespace labctl::model
