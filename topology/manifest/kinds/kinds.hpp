#pragma once

// The kinds of objects that are understood, and how well.

#include "topology/manifest/kinds/schema.hpp"

#include <span>
#include <string_view>

namespace labctl::manifest {

enum class Support {
  Acted,         // a Kubernetes object that becomes part of the lab
  Kept,          // a Kubernetes object that is kept and shown, and has nothing to do in a lab
  KeptForLater,  // the same, but this version should act on it: an error when strict
  Later,         // a Kubernetes object that this version does not act on; files with it are read without it
  Lab,           // ours: Cluster, Scenario, Probe
};

struct Kind {
  std::string_view api_version;
  std::string_view name;
  Support support = Support::Acted;
  bool is_namespaced = true;
  const Schema* schema = nullptr;  // of the whole object; only metadata is checked of kinds for later
  TextCheck check_name = check_dns_subdomain;
};

std::span<const Kind> kinds();

// Nothing if the pair is not known.
const Kind* find_kind(std::string_view api_version, std::string_view name);

// Of names that only have to fit into a path, as those of RBAC: "system:node".
std::optional<Complaint> check_path_segment(std::string_view name);  // access_schema.cpp

// Says, once a kind, that an object is left out or has no effect; nothing of others. `at` is its kind. To a client
// (`is_client`) nothing is left out.
void report_support(const Place& at, const Kind& kind, bool is_client, Findings& findings);

// The row in whose version objects of this one are kept: of several versions of a kind the first.
const Kind& kept_as(const Kind& kind);

inline constexpr std::string_view kLabApi = "labctl.dev/v1alpha1";

// The tables, one file a family.
extern const Schema kMetadata;  // kubernetes_schema.cpp
extern const Schema kTemplateMetadata;
extern const Schema kLabelSelector;
extern const Schema kAnyObject;  // apiVersion, kind and metadata only
extern const Schema kNamespace;
extern const Schema kNode;
extern const Schema kEvent;
extern const Schema kPod;  // pod_schema.cpp
extern const Schema kPodSpec;
extern const Schema kPodTemplate;  // workload_schema.cpp
extern const Schema kDeployment;
extern const Schema kReplicaSet;
extern const Schema kStatefulSet;
extern const Schema kDaemonSet;
extern const Schema kJob;  // job_schema.cpp
extern const Schema kJobSpec;
extern const Schema kCronJob;        // cron_job_schema.cpp
extern const Schema kService;        // service_schema.cpp
extern const Schema kEndpoints;      // endpoint_schema.cpp
extern const Schema kEndpointSlice;  // endpoint_schema.cpp
extern const Schema kConfigMap;      // config_schema.cpp
extern const Schema kSecret;
extern const Schema kServiceAccount;
extern const Schema kPersistentVolumeClaim;  // storage_schema.cpp
extern const Schema kClaimSpec;
extern const Schema kPersistentVolume;
extern const Schema kStorageClass;
extern const Schema kPodDisruptionBudget;  // policy_schema.cpp
extern const Schema kHorizontalPodAutoscaler;
extern const Schema kHorizontalPodAutoscalerV1;
extern const Schema kPriorityClass;
extern const Schema kResourceQuota;
extern const Schema kLimitRange;
extern const Schema kRole;  // access_schema.cpp
extern const Schema kClusterRole;
extern const Schema kRoleBinding;
extern const Schema kClusterRoleBinding;
extern const Schema kWebhookConfiguration;
extern const Schema kLease;
extern const Schema kRuntimeClass;
extern const Schema kNetworkPolicy;  // traffic_schema.cpp
extern const Schema kIngress;
extern const Schema kIngressClass;
extern const Schema kCluster;  // cluster_schema.cpp
extern const Schema kClusterSpec;
extern const Schema kScenario;  // scenario_schema.cpp
extern const Schema kProbe;

}  // namespace labctl::manifest
