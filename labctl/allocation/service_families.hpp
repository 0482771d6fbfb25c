#pragma once

// spec.ipFamilyPolicy, ipFamilies and clusterIP(s) of a Service brought together, as the API server does
// before it gives out addresses (https://kubernetes.io/docs/concepts/services-networking/dual-stack/). Pure.

#include "labctl/objects/field_errors.hpp"
#include "topology/base/ip_address.hpp"

#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace labctl::allocation {

// Fills in policy and families of `service`; `before` is the object that it replaces, or null.
// `configured` are the families that the cluster has Service ranges of, its first one first.
// Addresses that are still to be given are then those of the families beyond clusterIPs. An
// ExternalName has none of it and is left alone.
void settle_families(const nlohmann::json* before, nlohmann::json& service,
                     const std::vector<Family>& configured, objects::FieldErrors& errors);

}  // namespace labctl::allocation
