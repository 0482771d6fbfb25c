#pragma once

// The tables of volumes, of their mounts and of what variables are taken from, for those of pods.

#include "topology/manifest/kinds/schema.hpp"

namespace labctl::manifest {

extern const Schema kResourceFieldRef;
extern const Schema kKeyRef;  // configMapKeyRef, secretKeyRef
extern const Schema kEnvFrom;
extern const Schema kVolume;
extern const Schema kVolumeMount;
extern const Schema kClaimTemplateOfSet;  // storage_schema.cpp: of a StatefulSet

// Names that are there twice, mounts of volumes that are not there, paths mounted twice: what binds the volumes of
// a sound pod `spec` and the mounts of its containers. `claim_templates` are a StatefulSet's, which become volumes
// of its pods; absent for others.
void check_volumes(const Place& spec, const Place& claim_templates, Findings& findings);

}  // namespace labctl::manifest
