#include "labctl/report/objects/node_cells.hpp"

#include "labctl/report/objects/fields.hpp"

#include <nlohmann/json.hpp>

namespace labctl::report {

using Json = nlohmann::json;

std::string node_status(const Json& node) {
  std::string status = "Unknown";
  for (const Json& condition : at(node, "/status/conditions")) {
    if (text(condition, "/type") == "Ready") {
      const std::string value = text(condition, "/status");
      status = value == "True" ? "Ready" : value == "False" ? "NotReady" : "Unknown";
    }
  }
  return flag(node, "/spec/unschedulable") ? status + ",SchedulingDisabled" : status;
}

std::string node_roles(const Json& node) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::string roles;
  const Json& labels = at(node, "/metadata/labels");
  if (labels.is_object()) {
    for (const auto& [key, value] : labels.items()) {
      if (key.starts_with(kPrefix) && key.size() > kPrefix.size()) {
        roles += (roles.empty() ? "" : ",") + key.substr(kPrefix.size());
      }
    }
  }
  return roles.empty() ? "<none>" : roles;
}

std::string node_addresses(const Json& node, std::string_view type) {
  std::string out;
  for (const Json& address : at(node, "/status/addresses")) {
    if (text(address, "/type") == type) {
      out += (out.empty() ? "" : ",") + text(address, "/address");
    }
  }
  return out.empty() ? "<none>" : out;
}

std::string pod_cidrs(const Json& node) {
  const Json& list = at(node, "/spec/podCIDRs");
  return list.is_array() && !list.empty() ? join_texts(list) : text_or(node, "/spec/podCIDR", "<none>");
}

}  // namespace labctl::report
