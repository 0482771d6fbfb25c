#include "topology/manifest/service_references.hpp"

#include "topology/base/ip_address.hpp"
#include "topology/manifest/kinds/api_refusals.hpp"
#include "topology/manifest/kinds/service_rules.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace labctl::manifest {
namespace {

void check_known_families(const Place& spec, const ClusterIps& ips, const model::Network& network,
                          Findings& findings) {
  const Place selector = spec.field("selector");
  const bool has_selector = selector && !selector.node->entries.empty();
  if (ips.is_none() && !has_selector) {
    return;  // whoever writes the endpoints may write those of both families
  }
  const Place policy = spec.field("ipFamilyPolicy");
  if (policy.text() == "RequireDualStack" && network.service_cidrs.size() < 2) {
    refuse_value(policy, "this cluster is not configured for dual-stack services", findings,
                 "set ipFamilies: [IPv4, IPv6] in the Cluster, or PreferDualStack here");
  }
  const Place families = spec.field("ipFamilies");
  for (size_t i = 0; i < families.size(); ++i) {
    const Place family = families.item(i);
    const bool is_four = family.text() == "IPv4";
    if ((is_four || family.text() == "IPv6") &&
        prefix_of(network.service_cidrs, is_four ? Family::IPv4 : Family::IPv6) == nullptr) {
      refuse_value(family, "not configured on this cluster", findings);
    }
  }
}

void check_cluster_ip_ranges(const ClusterIps& ips, const model::Network& network, Findings& findings) {
  for (size_t i = 0; i < ips.size(); ++i) {
    const Place ip = ips.item(i);
    const auto address = IpAddress::parse(ip.text());
    if (!address) {
      continue;
    }
    const Prefix* range = prefix_of(network.service_cidrs, address->family());
    if (range == nullptr) {
      refuse_value(ip, std::string(to_string(address->family())) + " is not configured on this cluster",
                   findings);
    } else if (!range->contains(*address)) {
      refuse_value(ip,
                   "failed to allocate IP " + to_string(*address) + ": the provided IP (" +
                       to_string(*address) + ") is not in the valid range. The range of valid IPs is " +
                       to_string(*range),
                   findings);
    }
  }
}

void check_node_port_range(const Place& place, const model::Network& network, Findings& findings) {
  const auto number = integer_at(place);
  if (number && *number != 0 && (*number < network.node_port_first || *number > network.node_port_last)) {
    refuse_value(place,
                 "provided port is not in the valid range. The range of valid ports is " +
                     std::to_string(network.node_port_first) + "-" + std::to_string(network.node_port_last),
                 findings);
  }
}

void check_service(const Place& spec, const model::Network& network, Findings& findings) {
  const std::string_view type = type_of_service(spec);
  if (type == "ExternalName") {
    return;
  }
  const ClusterIps ips(spec);
  check_known_families(spec, ips, network, findings);
  check_cluster_ip_ranges(ips, network, findings);
  if (type == "ClusterIP") {
    return;
  }
  const Place ports = spec.field("ports");
  for (size_t i = 0; i < ports.size(); ++i) {
    const Place port = ports.item(i);
    const Place node_port = port.field("nodePort");
    check_node_port_range(node_port, network, findings);
  }
  const Place health_port = spec.field("healthCheckNodePort");
  check_node_port_range(health_port, network, findings);
}

void check_no_service_address(const Place& place, const model::Network& network, Findings& findings) {
  const auto address = IpAddress::parse(place.text());
  const Prefix* range = address ? prefix_of(network.service_cidrs, address->family()) : nullptr;
  if (range != nullptr && range->contains(*address)) {
    refuse_value(place, "may not be an address of the service range " + to_string(*range), findings,
                 "a Service cannot stand behind another: list the addresses of pods or hosts");
  }
}

void check_slice_peers(const Place& slice, const model::Network& network, Findings& findings) {
  const Place endpoints = slice.field("endpoints");
  for (size_t i = 0; i < endpoints.size(); ++i) {
    const Place endpoint = endpoints.item(i);
    const Place addresses = endpoint.field("addresses");
    for (size_t j = 0; j < addresses.size(); ++j) {
      check_no_service_address(addresses.item(j), network, findings);
    }
  }
}

void check_endpoints_peers(const Place& object, const model::Network& network, Findings& findings) {
  const Place subsets = object.field("subsets");
  for (size_t i = 0; i < subsets.size(); ++i) {
    const Place subset = subsets.item(i);
    for (const char* field : {"addresses", "notReadyAddresses"}) {
      const Place addresses = subset.field(field);
      for (size_t j = 0; j < addresses.size(); ++j) {
        const Place address = addresses.item(j);
        const Place ip = address.field("ip");
        check_no_service_address(ip, network, findings);
      }
    }
  }
}

}  // namespace

void check_service_ranges(const std::vector<Record>& records, const model::Network& network,
                          Findings& findings) {
  for (const Record& record : records) {
    if (record.kind->schema == &kService) {
      const Place spec = record.place.field("spec");
      check_service(spec, network, findings);
    } else if (record.kind->schema == &kEndpointSlice) {
      check_slice_peers(record.place, network, findings);
    } else if (record.kind->schema == &kEndpoints) {
      check_endpoints_peers(record.place, network, findings);
    }
  }
}

}  // namespace labctl::manifest
