#pragma once

// The tables of securityContext, for those of pods.

#include "topology/manifest/kinds/schema.hpp"

namespace labctl::manifest {

extern const Schema kPodSecurity;
extern const Schema kContainerSecurity;

}  // namespace labctl::manifest
