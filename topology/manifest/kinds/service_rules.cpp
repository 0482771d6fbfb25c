#include "topology/manifest/kinds/service_rules.hpp"

#include "topology/base/ip_address.hpp"
#include "topology/manifest/kinds/api_refusals.hpp"
#include "topology/manifest/yaml/text_format.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace labctl::manifest {
namespace {

constexpr std::string_view kSourceRangesAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges";
constexpr std::string_view kOnlyLoadBalancer = "may only be used when `type` is 'LoadBalancer'";
constexpr const char* kNone = "None";

// What decides which other fields a Service may have. Of a type that is none nothing more is said.
struct ServiceShape {
  std::string_view type;
  bool is_headless = false;
  bool is(std::string_view other) const { return type == other; }
  bool is_unknown() const {
    return !is("ClusterIP") && !is("NodePort") && !is("LoadBalancer") && !is("ExternalName");
  }
  bool is_not(std::string_view other) const { return !is_unknown() && !is(other); }
  bool has_node_ports() const { return is("NodePort") || is("LoadBalancer"); }
};

std::string line_in_words(const Place& place) { return "line " + std::to_string(place.mark.line); }

// ---- Ports --------------------------------------------------------------------------------------
std::string protocol_of_port(const Place& port) {
  const Place protocol = port.field("protocol");
  return protocol ? std::string(protocol.text()) : "TCP";
}

// What was seen of earlier ports of one Service, with their lines.
struct SeenPorts {
  std::map<std::string, std::string, std::less<>> names;
  std::map<std::pair<std::string, std::int64_t>, std::string> numbers;
  std::map<std::pair<std::string, std::int64_t>, std::string> node_ports;
};

void check_port_name_of(const Place& port, bool is_only, SeenPorts& seen, Findings& findings) {
  const Place name = port.field("name");
  if (!is_only && (!name || (name.node->is_string() && name.text().empty()))) {
    refuse_missing(name, "each port of several must have a name", findings, "as in name: http");
  } else if (!name.text().empty()) {
    const auto [first, is_new] = seen.names.emplace(name.text(), line_in_words(name));
    if (!is_new) {
      refuse_second(name, findings, "the first is on " + first->second + "; rename one of them");
    }
  }
}

void check_port_numbers(const Place& port, const ServiceShape& shape, SeenPorts& seen, Findings& findings) {
  const std::string protocol = protocol_of_port(port);
  const Place number_place = port.field("port");
  if (const auto number = integer_at(number_place)) {
    const auto [first, is_new] = seen.numbers.emplace(std::pair(protocol, *number), line_in_words(port));
    if (!is_new) {
      refuse_second(port, R"({"protocol":")" + protocol + R"(","port":)" + std::to_string(*number) + "}",
                    findings,
                    "the first is on " + first->second + "; a Service has a port and protocol once");
    }
  }
  const Place node_port = port.field("nodePort");
  const auto node_number = integer_at(node_port);
  if (!node_number || *node_number == 0) {
    return;
  }
  if (shape.is("ClusterIP")) {
    refuse_field(node_port, "may not be used when `type` is 'ClusterIP'", findings,
                 "set type: NodePort or LoadBalancer, or leave nodePort out");
  } else if (shape.is("ExternalName")) {
    refuse_field(node_port, "may not be used when `type` is 'ExternalName'", findings, "leave nodePort out");
  }
  const auto [first, is_new] =
      seen.node_ports.emplace(std::pair(protocol, *node_number), line_in_words(node_port));
  if (!is_new) {
    refuse_second(node_port, findings,
                  "the first is on " + first->second + "; only ports of other protocols may share a number");
  }
}

void check_service_ports(const Place& spec, const ServiceShape& shape, Findings& findings) {
  const Place ports = spec.field("ports");
  if (ports && !ports.node->is_sequence()) {
    return;
  }
  if (ports.size() == 0 && !shape.is_headless && shape.is_not("ExternalName")) {
    refuse_missing(ports, "a Service has ports unless it is headless or an ExternalName", findings,
                   "as in ports: [{port: 80}]");
  }
  SeenPorts seen;
  for (size_t i = 0; i < ports.size(); ++i) {
    const Place port = ports.item(i);
    if (port && port.node->is_mapping()) {
      check_port_name_of(port, ports.size() == 1, seen, findings);
      check_port_numbers(port, shape, seen, findings);
    }
  }
}

// ---- Addresses of the cluster -------------------------------------------------------------------
void check_headless(const ClusterIps& ips, const ServiceShape& shape, Findings& findings) {
  if (shape.is_headless && shape.has_node_ports()) {
    refuse_value(ips.item(0), "may not be set to 'None' for " + std::string(shape.type) + " services",
                 findings, "leave clusterIP out, or set type: ClusterIP");
  }
}

void check_first_cluster_ip(const ClusterIps& ips, Findings& findings) {
  const Place& first = ips.first();
  const Place& list = ips.list();
  if (list.size() == 0 || !list.node->is_sequence() || (first && !first.node->is_string())) {
    return;
  }
  if (first.text().empty()) {
    refuse_value(list, "must be empty when `clusterIP` is not specified", findings,
                 "write the first address to clusterIP too");
    return;
  }
  const Place head = list.item(0);
  if (head && head.node->is_string() && head.text() != first.text()) {
    refuse_value(list, "first value must match `clusterIP`", findings,
                 "clusterIP is " + in_quotes(first.text()));
  }
}

// The families of the addresses, in order; nothing if one of them is none.
std::optional<std::vector<Family>> families_of(const ClusterIps& ips, Findings& findings) {
  std::vector<Family> families;
  bool is_sound = true;
  for (size_t i = 0; i < ips.size(); ++i) {
    const Place ip = ips.item(i);
    if (ip.text() == kNone) {
      is_sound = false;
      if (ips.size() > 1) {
        refuse_value(ips.list(), "'None' must be the first and only value", findings);
      }
      continue;
    }
    const auto address = read_address(ip, findings);
    is_sound = is_sound && address.has_value();
    if (address) {
      families.push_back(address->family());
    }
  }
  return is_sound ? std::optional(families) : std::nullopt;
}

void check_cluster_ips(const Place& spec, const ClusterIps& ips, Findings& findings) {
  check_first_cluster_ip(ips, findings);
  if (ips.size() > 2) {
    refuse_value(ips.list(), "may only hold up to 2 values", findings);
  }
  const auto families = families_of(ips, findings);
  if (!families) {
    return;
  }
  if (std::set<Family>(families->begin(), families->end()).size() < families->size()) {
    refuse_value(ips.list(), "may specify no more than one IP for each IP family", findings);
    return;
  }
  const Place wanted = spec.field("ipFamilies");
  for (size_t i = 0; i < families->size() && i < wanted.size(); ++i) {
    const Place family = wanted.item(i);
    const std::string_view name = family.text();
    if ((name == "IPv4" || name == "IPv6") && name != to_string((*families)[i])) {
      const Place ip = ips.item(i);
      refuse_value(ip,
                   "expected an " + std::string(name) + " value as indicated by `ipFamilies[" +
                       std::to_string(i) + "]`",
                   findings);
    }
  }
}

void check_families(const Place& spec, const ClusterIps& ips, Findings& findings) {
  const Place families = spec.field("ipFamilies");
  std::set<std::string_view> seen;
  for (size_t i = 0; i < families.size(); ++i) {
    const Place family = families.item(i);
    if (!family.text().empty() && !seen.insert(family.text()).second) {
      refuse_second(family, findings, "a Service has an address of each family at most");
    }
  }
  const Place policy = spec.field("ipFamilyPolicy");
  if (policy.text() == "SingleStack" && (families.size() > 1 || ips.size() > 1)) {
    refuse_value(policy,
                 std::string("must be 'RequireDualStack' or 'PreferDualStack' when multiple `") +
                     (ips.size() > 1 ? "clusterIPs" : "ipFamilies") + "` are specified",
                 findings);
  }
}

// ---- ExternalName -------------------------------------------------------------------------------
void check_external_name(const Place& spec, const ClusterIps& ips, Findings& findings) {
  for (size_t i = 0; i < ips.size() && i < 1; ++i) {
    const Place ip = ips.item(i);
    Place list = ips.list();
    list.mark = ip.mark;
    refuse_field(list, "may not be set for ExternalName services", findings, "leave clusterIP out");
  }
  for (const char* field : {"ipFamilies", "ipFamilyPolicy"}) {
    if (const Place place = spec.field(field);
        place && (place.node->is_string() ? !place.text().empty() : place.size() > 0)) {
      refuse_field(place, "may not be set for ExternalName services", findings, "remove it");
    }
  }
  const Place name = spec.field("externalName");
  if (name && !name.node->is_string()) {
    return;
  }
  std::string_view text = name.text();
  if (text.ends_with('.')) {
    text.remove_suffix(1);
  }
  if (text.empty()) {
    refuse_missing(name, "an ExternalName Service is another name for it", findings,
                   "as in externalName: www.example.com");
  } else if (const auto complaint = check_dns_subdomain(text)) {
    refuse_value(name,
                 "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
                 "'.', and must start and end with an alphanumeric character",
                 findings, complaint->hint);
  } else if (IpAddress::parse(text)) {
    findings.warning(name, in_quotes(text) + " is taken as a name, and no name server knows it",
                     "for an address use a Service without a selector and an EndpointSlice");
  }
}

// ---- Exposure -----------------------------------------------------------------------------------
void check_source_range(const Place& place, std::string_view text, Findings& findings) {
  const size_t begin = text.find_first_not_of(" \t");
  const size_t end = text.find_last_not_of(" \t");
  // Blanks around it and bits behind the prefix are let through, as the API server does for this field.
  if (begin == std::string_view::npos || !Prefix::parse(text.substr(begin, end - begin + 1))) {
    refuse_value(place, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)", findings);
  }
}

void check_source_ranges(const Place& spec, const ServiceShape& shape, Findings& findings) {
  const Place ranges = spec.field("loadBalancerSourceRanges");
  if (ranges.size() > 0 && shape.is_not("LoadBalancer")) {
    refuse_field(ranges, kOnlyLoadBalancer, findings);
  }
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (const Place range = ranges.item(i); range && range.node->is_string()) {
      check_source_range(range, range.text(), findings);
    }
  }
}

void check_external_ips(const Place& spec, Findings& findings) {
  const Place ips = spec.field("externalIPs");
  for (size_t i = 0; i < ips.size(); ++i) {
    const Place ip = ips.item(i);
    if (const auto address = read_address(ip, findings)) {
      check_ordinary_address(ip, *address, findings);
    }
  }
}

void check_load_balancer_fields(const Place& spec, const ServiceShape& shape, Findings& findings) {
  for (const char* field : {"allocateLoadBalancerNodePorts", "loadBalancerClass"}) {
    if (const Place place = spec.field(field); place && shape.is_not("LoadBalancer")) {
      refuse_field(place, kOnlyLoadBalancer, findings, "remove it, or set type: LoadBalancer");
    }
  }
  const Place ip = spec.field("loadBalancerIP");
  if (!ip.text().empty() && !IpAddress::parse(ip.text())) {
    findings.warning(ip, in_quotes(ip.text()) + " is no address: it is taken as no wish");
  }
}

void check_external_policy(const Place& spec, const ServiceShape& shape, Findings& findings) {
  const Place policy = spec.field("externalTrafficPolicy");
  const Place external_ips = spec.field("externalIPs");
  const bool is_exposed =
      shape.is_unknown() || shape.has_node_ports() || (shape.is("ClusterIP") && external_ips.size() > 0);
  if (!policy.text().empty() && !is_exposed) {
    refuse_value(policy, "may only be set for externally-accessible services", findings,
                 "those are of type NodePort or LoadBalancer, or have externalIPs");
  }
  const Place health_port = spec.field("healthCheckNodePort");
  if (integer_at(health_port).value_or(0) != 0 &&
      (shape.is_not("LoadBalancer") || policy.text() != "Local")) {
    refuse_value(health_port,
                 "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
                 findings);
  }
}

// What is accepted and does nothing: said, since nobody writes it for that.
void check_without_effect(const Place& spec, const ServiceShape& shape, Findings& findings) {
  const Place internal = spec.field("internalTrafficPolicy");
  if (internal.text() == "Local" && (shape.is_headless || shape.is("ExternalName"))) {
    findings.warning(internal, std::string("has no effect: ") +
                                   (shape.is_headless ? "a headless Service" : "an ExternalName Service") +
                                   " has no address to apply it to");
  }
  const Place affinity = spec.field("sessionAffinity");
  const Place config = spec.field("sessionAffinityConfig");
  if (config && config.node->is_mapping() && !config.node->entries.empty() && affinity.text() != "ClientIP") {
    findings.warning(config, "is dropped: it has a meaning with sessionAffinity: ClientIP only");
  }
}

}  // namespace

std::string_view type_of_service(const Place& spec) {
  const Place type = spec.field("type");
  return type ? type.text() : std::string_view("ClusterIP");
}

size_t ClusterIps::size() const {
  if (list_.size() > 0) {
    return list_.size();
  }
  return first_.text().empty() ? 0 : 1;
}

Place ClusterIps::item(size_t i) const {
  if (list_.size() > 0) {
    return list_.item(i);
  }
  return {first_.node, first_.mark, first_.key_mark, first_.source, &list_, {}, static_cast<int>(i)};
}

bool ClusterIps::is_none() const { return size() > 0 && item(0).text() == "None"; }

void check_service_spec(const Place& spec, Findings& findings) {
  const ClusterIps ips(spec);
  const ServiceShape shape{type_of_service(spec), ips.is_none()};
  check_service_ports(spec, shape, findings);
  if (shape.is("ExternalName")) {
    check_external_name(spec, ips, findings);
  } else {
    check_headless(ips, shape, findings);
    check_cluster_ips(spec, ips, findings);
    check_families(spec, ips, findings);
  }
  check_external_ips(spec, findings);
  check_source_ranges(spec, shape, findings);
  check_load_balancer_fields(spec, shape, findings);
  check_external_policy(spec, shape, findings);
  check_without_effect(spec, shape, findings);
}

// The annotation that was there before the field.
void check_service_annotations(const Place& service, Findings& findings) {
  const Place metadata = service.field("metadata");
  const Place spec = service.field("spec");
  const Place ranges = spec.field("loadBalancerSourceRanges");
  const Place annotations = metadata.field("annotations");
  const Place value = annotations.field(kSourceRangesAnnotation);
  if (!value || !value.node->is_string() || ranges.size() > 0) {
    return;
  }
  if (type_of_service(spec) != "LoadBalancer") {
    refuse_field(value, kOnlyLoadBalancer, findings);
  }
  std::string_view rest = value.text();
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    check_source_range(value, rest.substr(0, comma), findings);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
}

}  // namespace labctl::manifest
