#pragma once

// The statuses of Kubernetes kinds, as tables: what the lab itself writes and reads, and what clients may
// write by the status subresource. Fields that are not listed are the clients' own affair.

#include "topology/manifest/kinds/schema.hpp"

namespace labctl::manifest {

extern const Schema kPodStatus;
extern const Schema kServiceStatus;
extern const Schema kNodeStatus;
extern const Schema kNamespaceStatus;
extern const Schema kDeploymentStatus;
extern const Schema kReplicaSetStatus;
extern const Schema kStatefulSetStatus;
extern const Schema kDaemonSetStatus;
extern const Schema kPersistentVolumeClaimStatus;  // storage_schema.cpp
extern const Schema kPersistentVolumeStatus;
extern const Schema kJobStatus;
extern const Schema kCronJobStatus;

}  // namespace labctl::manifest
