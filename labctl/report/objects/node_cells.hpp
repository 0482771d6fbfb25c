#pragma once

// Cells of Nodes as kubectl prints them (pkg/printers/internalversion).

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace labctl::report {

// "Ready", "NotReady" or "Unknown", and ",SchedulingDisabled".
std::string node_status(const nlohmann::json& node);
// The names behind node-role.kubernetes.io/, with commas; "<none>".
std::string node_roles(const nlohmann::json& node);
// The addresses of one type ("InternalIP"), with commas; "<none>".
std::string node_addresses(const nlohmann::json& node, std::string_view type);
// spec.podCIDRs, with commas; "<none>".
std::string pod_cidrs(const nlohmann::json& node);

}  // namespace labctl::report
