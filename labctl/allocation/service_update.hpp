#pragma once

// What an update of a Service means where it says nothing: values that were given out stay, and those that
// the new type has no use for go (the API server's patchAllocatedValues and dropTypeDependentFields). Pure.

#include "labctl/objects/field_errors.hpp"

#include <nlohmann/json_fwd.hpp>

namespace labctl::allocation {

// Completes `wanted`, which is to replace `before`; doing it twice is doing it once.
// Call it before the object is validated: a Service that becomes ClusterIP by a patch of
// its type still has node ports until then.
void carry_over(const nlohmann::json& before, nlohmann::json& wanted);

// clusterIP and clusterIPs say the same, whichever of them was given.
void link_cluster_ips(nlohmann::json& service);

// ClusterIPs and families do not change but to and from ExternalName; a second one may
// come and go. A healthCheckNodePort stays.
void check_given_values_stay(const nlohmann::json& before, const nlohmann::json& after,
                             objects::FieldErrors& errors);

}  // namespace labctl::allocation
