#pragma once

// The tables of a container's probes and hooks, and what binds them to the rest of a pod.

#include "topology/manifest/kinds/schema.hpp"

namespace labctl::manifest {

extern const Schema kReadinessProbe;
extern const Schema kSingleSuccessProbe;  // liveness and startup
extern const Schema kLifecycle;

// Warns of probes that name a port the container does not declare. `container` may be of any shape.
void check_probe_ports(const Place& container, Findings& findings);
// Refuses what an init container, which ends before it could be asked, may not have.
void check_init_container(const Place& container, Findings& findings);

}  // namespace labctl::manifest
