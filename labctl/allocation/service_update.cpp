#include "labctl/allocation/service_update.hpp"

#include "labctl/allocation/service_values.hpp"
#include "labctl/objects/fields.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace labctl::allocation {
namespace {

using nlohmann::json;
using objects::number_at;
using objects::text_at;

constexpr const char* kMayNotChange = "may not change once set";

json spec_member(const json& spec, const char* name) { return spec.value(name, json()); }

// Unset, or as the old object has it: not what the user asks for now.
bool is_left_alone(const json& old, const json& spec, const char* name) {
  return !spec.contains(name) || spec_member(old, name) == spec[name];
}

void drop_if_left_alone(const json& old, json& spec, const char* name) {
  if (is_left_alone(old, spec, name)) {
    spec.erase(name);
  }
}

// All ports of a Service, or an empty list.
json ports_of(const json& spec) {
  json ports = spec_member(spec, "ports");
  return ports.is_array() ? ports : json::array();
}

// Ports may come, go and change, as long as none of them brings a node port (sameNodePorts).
bool brings_no_node_port(const json& old, const json& spec) {
  std::set<std::int64_t> known{0};
  for (const json& port : ports_of(old)) {
    known.insert(number_at(port, "nodePort", 0));
  }
  const json ports = ports_of(spec);
  return std::all_of(ports.begin(), ports.end(),
                     [&](const json& port) { return known.contains(number_at(port, "nodePort", 0)); });
}

// Gives ports without a node port the one of the old port of the same `identity`, unless another has it.
template <typename Identity>
void keep_node_ports(const json& old, json& spec, const Identity& identity) {
  if (!spec.contains("ports") || !spec["ports"].is_array()) {
    return;
  }
  std::map<std::string, std::int64_t> known;
  for (const json& port : ports_of(old)) {
    known.emplace(identity(port), number_at(port, "nodePort", 0));
  }
  // A number may be used once for each protocol.
  std::set<std::pair<std::int64_t, std::string_view>> used;
  for (const json& port : spec["ports"]) {
    used.emplace(number_at(port, "nodePort", 0), protocol_of(port));
  }
  for (json& port : spec["ports"]) {
    const auto found = known.find(identity(port));
    if (number_at(port, "nodePort", 0) == 0 && found != known.end() && found->second != 0 &&
        used.emplace(found->second, protocol_of(port)).second) {
      port["nodePort"] = found->second;
    }
  }
}

void keep_by_number(const json& old, json& spec) {
  keep_node_ports(old, spec, [](const json& port) {
    return std::to_string(number_at(port, "port", 0)) + "/" + std::string(protocol_of(port));
  });
}

void keep_by_name(const json& old, json& spec) {
  keep_node_ports(old, spec, [](const json& port) { return text_at(port, "name"); });
}

// Addresses, families and policy, where both have them.
void keep_addresses(const json& old, json& spec) {
  const json old_ip = spec_member(old, "clusterIP"), old_ips = spec_member(old, "clusterIPs");
  if (spec_member(spec, "clusterIP") == "") {
    spec.erase("clusterIP");
  }
  if (!spec.contains("clusterIP") && !old_ip.is_null() && spec_member(spec, "clusterIPs") == old_ips) {
    spec["clusterIP"] = old_ip;  // unset or dropped, where the list was left alone
  }
  if (const json ips = spec_member(spec, "clusterIPs"); !ips.is_array() || ips.empty()) {
    spec.erase("clusterIPs");
  }
  if (!spec.contains("clusterIP") && !spec.contains("clusterIPs") && !old_ip.is_null()) {
    spec["clusterIP"] = old_ip;
  }
  if (!spec.contains("clusterIPs") && spec_member(spec, "clusterIP") == old_ip && !old_ips.is_null()) {
    spec["clusterIPs"] = old_ips;
  } else if (spec.contains("clusterIP") && spec["clusterIP"] != old_ip &&
             spec_member(spec, "clusterIPs") == old_ips) {
    spec.erase("clusterIPs");  // a client that knows only the one field asks for another address
  }
  for (const char* name : {"ipFamilyPolicy", "ipFamilies"}) {
    if (!spec.contains(name) && old.contains(name)) {
      spec[name] = old[name];
    }
  }
}

// SingleStack, said of a Service with two addresses that says nothing else, means: without the second one.
void trim_to_one(const json& old, json& spec) {
  if (spec_member(spec, "ipFamilyPolicy") != "SingleStack") {
    return;
  }
  for (const char* name : {"clusterIPs", "ipFamilies"}) {
    const json list = spec_member(old, name);
    if (list.is_array() && list.size() > 1 && spec_member(spec, name) == list) {
      spec[name] = json::array({list.front()});
    }
  }
}

void drop_addresses(const json& old, json& spec) {
  // As kubectl users clear them: clusterIP "" says the same of clusterIPs.
  const bool is_cleared = spec_member(spec, "clusterIP") == "" || spec_member(spec, "clusterIP").is_null();
  if ((is_cleared || is_left_alone(old, spec, "clusterIP")) && is_left_alone(old, spec, "clusterIPs")) {
    spec.erase("clusterIP");
    spec.erase("clusterIPs");
  }
  for (const char* name : {"ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"}) {
    drop_if_left_alone(old, spec, name);
  }
}

bool takes_external_traffic(const json& service) {
  const json external = spec_member(service["spec"], "externalIPs");
  return may_have_node_ports(service) || (external.is_array() && !external.empty());
}

void drop_for_type(const json& before, json& wanted) {
  const json& old = before["spec"];
  json& spec = wanted["spec"];
  if (may_have_node_ports(before) && !may_have_node_ports(wanted)) {
    if (brings_no_node_port(old, spec) && spec.contains("ports") && spec["ports"].is_array()) {
      for (json& port : spec["ports"]) {
        port.erase("nodePort");
      }
    }
  }
  if (takes_external_traffic(before) && !takes_external_traffic(wanted)) {
    drop_if_left_alone(old, spec, "externalTrafficPolicy");
  }
  if (needs_health_check_port(before) && !needs_health_check_port(wanted)) {
    drop_if_left_alone(old, spec, "healthCheckNodePort");
  }
  if (service_type(before) == "LoadBalancer" && service_type(wanted) != "LoadBalancer") {
    for (const char* name : {"allocateLoadBalancerNodePorts", "loadBalancerClass", "loadBalancerIP"}) {
      drop_if_left_alone(old, spec, name);
    }
  }
}

void check_list_stays(const json& before, const json& after, const char* name, const char* what,
                      objects::FieldErrors& errors) {
  const json old = spec_member(before["spec"], name), now = spec_member(after["spec"], name);
  if (!old.is_array() || old.empty() || !now.is_array()) {
    return;
  }
  const std::string path = std::string("spec.") + name;
  if (now.empty()) {
    errors.invalid(path + "[0]", now, std::string("primary ") + what + " can not be unset");
  }
  for (std::size_t i = 0; i < std::min(old.size(), now.size()); ++i) {
    if (old[i] != now[i]) {
      errors.invalid(path + "[" + std::to_string(i) + "]", now, kMayNotChange);
    }
  }
}

}  // namespace

void link_cluster_ips(json& service) {
  json& spec = service["spec"];
  const std::vector<std::string> ips = cluster_ips_of(service);
  if (ips.empty()) {
    spec.erase("clusterIP");
    spec.erase("clusterIPs");
    return;
  }
  if (text_at(service, "spec.clusterIP").empty()) {
    spec["clusterIP"] = ips.front();
  }
  spec["clusterIPs"] = ips;
}

void carry_over(const json& before, json& wanted) {
  if (!before.contains("spec") || !wanted.contains("spec") || !wanted["spec"].is_object()) {
    return;
  }
  const json& old = before["spec"];
  json& spec = wanted["spec"];
  drop_for_type(before, wanted);
  if (needs_cluster_ip(before) && needs_cluster_ip(wanted)) {
    keep_addresses(old, spec);
    trim_to_one(old, spec);
  } else if (needs_cluster_ip(before)) {
    drop_addresses(old, spec);
  }
  if (needs_node_ports(before) && needs_node_ports(wanted)) {
    keep_by_number(old, spec);
    keep_by_name(old, spec);
  }
  if (needs_health_check_port(before) && needs_health_check_port(wanted) &&
      number_at(wanted, "spec.healthCheckNodePort", 0) == 0 && old.contains("healthCheckNodePort")) {
    spec["healthCheckNodePort"] = old["healthCheckNodePort"];
  }
}

void check_given_values_stay(const json& before, const json& after, objects::FieldErrors& errors) {
  if (!before.contains("spec")) {
    return;
  }
  if (needs_cluster_ip(before) && needs_cluster_ip(after)) {
    check_list_stays(before, after, "clusterIPs", "clusterIP", errors);
    check_list_stays(before, after, "ipFamilies", "ipFamily", errors);
  }
  const std::int64_t old_port = number_at(before, "spec.healthCheckNodePort", 0);
  const std::int64_t port = number_at(after, "spec.healthCheckNodePort", 0);
  if (needs_health_check_port(before) && needs_health_check_port(after) && old_port != 0 &&
      port != old_port) {
    errors.invalid("spec.healthCheckNodePort", port, "field is immutable");
  }
}

}  // namespace labctl::allocation
