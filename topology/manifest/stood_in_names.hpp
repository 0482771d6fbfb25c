#pragma once

// What files name and only their authors' cluster has, where a cluster without it would wait for ever and a lab has
// its own stand in: StorageClasses and schedulers.

#include "topology/manifest/references.hpp"

namespace labctl::manifest {

// A warning for each StorageClass that is neither in the files nor the lab's, nor that of a PersistentVolume in them,
// at the first claim that has it: PersistentVolumeClaims, volumeClaimTemplates and ephemeral volumes.
void check_storage_classes(const std::vector<Record>& records, Findings& findings);

}  // namespace labctl::manifest
