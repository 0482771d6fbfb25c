#pragma once

// The cluster's DNS as objects, as a real cluster has it: the Service kube-system/kube-dns at the tenth
// address of each Service range, and a Deployment of the same name whose pods run BIND's named.

#include "labctl/objects/own_pods.hpp"
#include "topology/model/cluster.hpp"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace labctl::nameserver {

// RFC 1035, 4.2.
inline constexpr std::uint16_t kDnsPort = 53;
// Readiness gate of a DNS pod: its server answers for every zone.
inline constexpr const char* kZonesLoaded = "labctl.dev/zones-loaded";
// Below it each DNS pod has a folder of its name: named.conf and the zone files.
inline constexpr const char* kDnsDirectory = "/run/labctl-dns";

// The tenth address of each Service range.
std::vector<IpAddress> dns_addresses(const model::Cluster& cluster);

// A container of a DNS pod that runs what dns_deployment() says and nothing else: the lab's own program, whatever
// programs of the host the Cluster allows.
bool is_own_container(const model::Pod& pod, const model::Container& container);

nlohmann::json dns_service(const model::Cluster& cluster);
nlohmann::json dns_deployment(const model::Cluster& cluster);

}  // namespace labctl::nameserver
