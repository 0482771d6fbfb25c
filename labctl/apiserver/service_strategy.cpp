#include "labctl/apiserver/service_strategy.hpp"

#include "labctl/objects/fields.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace labctl::apiserver {
namespace {

using nlohmann::json;
using objects::field;
using objects::text_at;

constexpr const char* kOnceSet = "may not change once set";

const json& spec_in(const json& service) {
  static const json kNothing = json::object();
  const json* spec = field(service, "spec");
  return spec != nullptr && spec->is_object() ? *spec : kNothing;
}

// The value there; null if there is none.
const json& value_in(const json& spec, const char* name) {
  static const json kNull;
  const auto found = spec.find(name);
  return found == spec.end() ? kNull : *found;
}

std::string type_in(const json& spec) {
  const json& type = value_in(spec, "type");
  return type.is_string() ? type.get<std::string>() : "ClusterIP";
}

bool has_text(const json& value, const char* text) {
  return value.is_string() && value.get_ref<const std::string&>() == text;
}

bool is_unset(const json& value) { return value.is_null() || value == "" || value == 0; }

bool is_load_balancer(const json& spec) { return type_in(spec) == "LoadBalancer"; }

bool needs_health_port(const json& spec) {
  return is_load_balancer(spec) && has_text(value_in(spec, "externalTrafficPolicy"), "Local");
}

// spec.clusterIPs, or spec.clusterIP as a list.
json cluster_ips_in(const json& spec) {
  const json& list = value_in(spec, "clusterIPs");
  if (list.is_array() && !list.empty()) {
    return list;
  }
  const json& first = value_in(spec, "clusterIP");
  return is_unset(first) ? json::array() : json::array({first});
}

json list_in(const json& spec, const char* name) {
  const json& list = value_in(spec, name);
  return list.is_array() ? list : json::array();
}

std::string complaint(const std::string& path, const json& value, const std::string& why) {
  return path + ": Invalid value: " + value.dump(-1, ' ', true, json::error_handler_t::replace) + ": " + why;
}

// Of spec.clusterIPs or spec.ipFamilies: the first stays; the second comes, and goes with the policy.
void compare_lists(const std::string& name, const json& before, const json& after, const json& policy,
                   std::vector<std::string>& out) {
  if (before.empty()) {
    return;
  }
  if (after.empty()) {
    out.push_back(complaint(
        "spec." + name + "[0]", after,
        name == "clusterIPs" ? "primary clusterIP can not be unset" : "primary ipFamily can not be unset"));
    return;
  }
  for (size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    if (before[i] != after[i]) {
      out.push_back(complaint("spec." + name + "[" + std::to_string(i) + "]", after, kOnceSet));
    }
  }
  if (after.size() < before.size() && !has_text(policy, "SingleStack")) {
    out.push_back(complaint("spec.ipFamilyPolicy", policy,
                            "must be set to 'SingleStack' when releasing the secondary " +
                                std::string(name == "clusterIPs" ? "clusterIP" : "ipFamily")));
  }
}

void compare_addresses(const json& before, const json& after, std::vector<std::string>& out) {
  if (type_in(before) == "ExternalName" || type_in(after) == "ExternalName") {
    return;
  }
  const json& policy = value_in(after, "ipFamilyPolicy");
  compare_lists("clusterIPs", cluster_ips_in(before), cluster_ips_in(after), policy, out);
  compare_lists("ipFamilies", list_in(before, "ipFamilies"), list_in(after, "ipFamilies"), policy, out);
}

std::vector<std::string> changed_in_service(const json& before, const json& after) {
  std::vector<std::string> out;
  compare_addresses(before, after, out);
  const json& new_class = value_in(after, "loadBalancerClass");
  if (is_load_balancer(before) && is_load_balancer(after) &&
      new_class != value_in(before, "loadBalancerClass")) {
    out.push_back(complaint("spec.loadBalancerClass", new_class, kOnceSet));
  }
  const json& old_port = value_in(before, "healthCheckNodePort");
  const json& new_port = value_in(after, "healthCheckNodePort");
  if (needs_health_port(before) && needs_health_port(after) && !is_unset(old_port) && new_port != old_port) {
    out.push_back(complaint("spec.healthCheckNodePort", new_port, "field is immutable"));
  }
  return out;
}

}  // namespace

void let_go_of_second_family(const json& before, json& wanted) {
  const auto spec = wanted.find("spec");
  if (text_at(wanted, "kind") != "Service" || spec == wanted.end() || !spec->is_object()) {
    return;
  }
  const json& old_spec = spec_in(before);
  const json& old_policy = value_in(old_spec, "ipFamilyPolicy");
  if (is_unset(old_policy) || has_text(old_policy, "SingleStack") ||
      !has_text(value_in(*spec, "ipFamilyPolicy"), "SingleStack")) {
    return;
  }
  for (const char* name : {"clusterIPs", "ipFamilies"}) {
    const json& had = value_in(old_spec, name);
    const json& given = value_in(*spec, name);
    const bool is_open = is_unset(given) || (given.is_array() && given.empty());
    if (had.is_array() && had.size() == 2 && (is_open || given == had)) {
      (*spec)[name] = json::array({had.front()});
    }
  }
  if (is_unset(value_in(*spec, "clusterIP")) && value_in(*spec, "clusterIPs").is_array()) {
    (*spec)["clusterIP"] = value_in(old_spec, "clusterIP");
  }
}

std::vector<std::string> changed_fixed_fields(const json& before, const json& after) {
  if (text_at(after, "kind") == "Service") {
    return changed_in_service(spec_in(before), spec_in(after));
  }
  if (text_at(after, "kind") == "EndpointSlice" &&
      value_in(before, "addressType") != value_in(after, "addressType")) {
    return {complaint("addressType", value_in(after, "addressType"), "field is immutable")};
  }
  return {};
}

}  // namespace labctl::apiserver
