#include "topology/manifest/kinds/cluster_parts.hpp"

#include "topology/base/duration.hpp"
#include "topology/manifest/yaml/text_format.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace labctl::manifest {
namespace {

using model::Cluster;

void default_hosts(Cluster& cluster) {
  for (model::OutsideHost& host : cluster.outside.hosts) {
    const std::uint64_t offset = host.name == "client" ? 10 : 80;
    host.addresses.clear();
    for (const Family family : cluster.families) {
      host.addresses.push_back(model::default_ranges(family).outside.address().plus(offset));
    }
  }
}

void read_host_addresses(const Place& list, const std::vector<NamedRange>& ranges, const Cluster& cluster,
                         model::OutsideHost& host, std::map<IpAddress, std::string>& taken,
                         Findings& findings) {
  for (size_t i = 0; i < list.size(); ++i) {
    const Place item = list.item(i);
    const IpAddress address = *IpAddress::parse(item.text());
    const Prefix& outside = model::default_ranges(address.family()).outside;
    if (const auto [first, is_new] = taken.emplace(address, host.name); !is_new) {
      findings.error(item,
                     to_string(address) + " is also an address of outside host " + in_quotes(first->second),
                     "give each its own");
    }
    if (address == model::router_outside_address(outside)) {
      findings.error(item, to_string(address) + " is the router's address", "choose another");
    } else if (outside.contains(address) && is_edge_address(outside, address)) {
      findings.error(item, to_string(address) + " is no host address of " + to_string(outside),
                     "choose another");
    }
    for (const NamedRange& range : ranges) {
      if (range.prefix.contains(address)) {
        findings.error(item, to_string(address) + " is inside " + range.field + " " + to_string(range.prefix),
                       "outside hosts need addresses of their own, for instance of " + to_string(outside));
      }
    }
    if (!cluster.has_family(address.family())) {
      findings.warning(item,
                       "no node speaks " + std::string(to_string(address.family())) +
                           ", so the cluster cannot reach this address",
                       "add " + std::string(to_string(address.family())) + " to spec.ipFamilies");
    }
    host.addresses.push_back(address);
  }
}

void read_host_port(const Place& place, model::OutsideHost& host,
                    std::set<std::pair<std::uint16_t, model::Protocol>>& seen, Findings& findings) {
  const auto protocol = model::parse_protocol(place.field("protocol").text());
  const model::OutsidePort port{static_cast<std::uint16_t>(place.field("port").node->integer),
                                protocol.value_or(model::Protocol::Tcp)};
  if (!seen.emplace(port.port, port.protocol).second) {
    findings.error(place,
                   "port " + std::to_string(port.port) + "/" + std::string(to_string(port.protocol)) +
                       " is listed twice",
                   "list each once");
    return;
  }
  host.ports.push_back(port);
}

void check_node_known(const Place& place, const Cluster& cluster, Findings& findings) {
  std::vector<std::string_view> names;
  for (const model::Node& node : cluster.nodes) {
    names.push_back(node.name);
  }
  if (std::find(names.begin(), names.end(), place.text()) != names.end()) {
    return;
  }
  const std::string near = findings.has_room() ? nearest(place.text(), names) : "";
  findings.error(place, "the cluster has no node " + in_quotes(place.text()),
                 near.empty() ? "nodes are " + some_of(names) : "did you mean " + near + "?");
}

}  // namespace

bool is_edge_address(const Prefix& range, const IpAddress& address) {
  return range.host_bits() > 1 &&
         (address == range.address() ||
          (range.family() == Family::IPv4 && address == range.address().plus(range.size() - 1)));
}

void read_outside(const Place& outside, const std::vector<NamedRange>& ranges, Cluster& cluster,
                  Findings& findings) {
  const Place hosts = outside.field("hosts");
  std::map<IpAddress, std::string> taken;
  std::map<std::string, int, std::less<>> names;
  if (!hosts) {
    default_hosts(cluster);
    return;
  }
  cluster.outside.hosts.clear();
  for (size_t i = 0; i < hosts.size(); ++i) {
    const Place place = hosts.item(i);
    model::OutsideHost host;
    host.name = place.field("name").text();
    if (const auto [first, is_new] = names.emplace(host.name, place.field("name").mark.line); !is_new) {
      findings.error(place.field("name"), "a second outside host named " + in_quotes(host.name),
                     "the first is on line " + std::to_string(first->second) + "; rename one of them");
    }
    read_host_addresses(place.field("addresses"), ranges, cluster, host, taken, findings);
    const Place ports = place.field("ports");
    std::set<std::pair<std::uint16_t, model::Protocol>> seen;
    for (size_t j = 0; j < ports.size(); ++j) {
      read_host_port(ports.item(j), host, seen, findings);
    }
    cluster.outside.hosts.push_back(std::move(host));
  }
}

void read_links(const Place& links, Cluster& cluster, Findings& findings) {
  std::map<std::string, int> seen;
  for (size_t i = 0; i < links.size(); ++i) {
    const Place place = links.item(i);
    model::Link link;
    link.node = place.field("node").text();
    link.pod = place.field("pod").text();
    const Place end = place.field(link.node.empty() ? "pod" : "node");
    if (!link.node.empty()) {
      check_node_known(end, cluster, findings);
    }
    if (const auto [first, is_new] = seen.emplace(std::string(end.key) + link.node + link.pod, end.mark.line);
        !is_new) {
      findings.error(end, "a second entry for this link",
                     "the first is on line " + std::to_string(first->second) + "; merge them");
    }
    link.rate_bps = parse_rate(place.field("rate").text());
    link.delay = parse_duration(place.field("delay").text()).value_or(std::chrono::microseconds(0));
    link.loss_percent = parse_percent(place.field("loss").text()).value_or(0);
    if (const Place mtu = place.field("mtu")) {
      link.mtu = static_cast<int>(mtu.node->integer);
    }
    link.is_up = place.field("state").text() != "down";
    cluster.links.push_back(std::move(link));
  }
}

}  // namespace labctl::manifest
