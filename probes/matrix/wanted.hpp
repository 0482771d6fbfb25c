#pragma once

// What should become of a probe from one place of a lab to another. Pure.

#include "probes/outcome/outcome.hpp"

namespace labctl::matrix {

// An end of a flow, as far as it decides what should become of it.
struct End {
  bool is_outside = false;       // a host that is no part of the cluster
  bool on_host_network = false;  // a pod that has its node's addresses
};

// Everything inside the cluster reaches every pod, by the pod's own address and without translation. From
// outside there is no way to such an address, only to a node's:
// https://kubernetes.io/docs/concepts/services-networking/
probes::Outcome wanted_outcome(const End& from, const End& to) noexcept;

}  // namespace labctl::matrix
