#pragma once

// Pods that are the lab's own, though they are objects like all others: those of the cluster's DNS. They are
// placed on other nodes than each other, and have the last addresses of their node, so that a lab gives its
// users' pods the same places and addresses with and without them.

#include "topology/model/pod.hpp"
#include "topology/model/well_known.hpp"

#include <nlohmann/json_fwd.hpp>

namespace labctl::objects {

inline constexpr const char* kDnsNamespace = model::kSystemNamespace;
inline constexpr const char* kDnsName = model::kDnsService;
inline constexpr const char* kDnsContainer = "named";
inline constexpr const char* kDnsLabel = model::kDnsLabel;

// One of the Deployment's that runs the DNS servers.
bool is_dns_pod(const model::Pod& pod);
bool is_dns_pod(const nlohmann::json& pod);

}  // namespace labctl::objects
