#pragma once

// The kinds of objects that are understood, and how well.

#include "topology/manifest/kinds/schema.hpp"

#include <span>
#include <string_view>

namespace labctl::manifest {

enum class Support {
  Acted,  // a Kubernetes object that becomes part of the lab
  Later,  // a Kubernetes object that this version does not act on
  Lab,    // ours: Cluster, Scenario, Probe
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
extern const Schema kDeployment;  // workload_schema.cpp
extern const Schema kReplicaSet;
extern const Schema kStatefulSet;
extern const Schema kDaemonSet;
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
extern const Schema kCluster;  // cluster_schema.cpp
extern const Schema kClusterSpec;
extern const Schema kScenario;  // scenario_schema.cpp
extern const Schema kProbe;

}  // namespace labctl::manifest
