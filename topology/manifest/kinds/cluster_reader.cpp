#include "topology/manifest/kinds/cluster_reader.hpp"

#include "topology/manifest/kinds/cluster_parts.hpp"
#include "topology/manifest/yaml/tree_values.hpp"
#include "topology/model/host_programs.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

namespace labctl::manifest {
namespace {

using model::Cluster;

constexpr int kMtuMinIpv6 = 1280;               // RFC 8200
constexpr int kServicePrefixShortestIpv6 = 64;  // network model §1.6: the allocator's limit
constexpr int kServiceHostBitsMin = 4;          // .1 is the API, .10 the DNS
constexpr std::uint64_t kNodeOffset = 11;       // as plan::give_out_addresses counts

class ClusterReader {
 public:
  ClusterReader(const Place& spec, std::string name, Findings& findings)
      : spec_(spec), network_(spec.field("network")), outside_(spec.field("outside")), findings_(findings) {
    cluster_ = model::default_cluster(std::move(name));
  }

  Cluster read() {
    read_families();
    read_network();
    read_nodes();
    check_room();
    read_outside(outside_, ranges_, cluster_, findings_);
    read_dns(spec_.field("dns"), outside_, cluster_, findings_);
    check_overlaps();
    read_rest();
    read_links(spec_.field("links"), cluster_, findings_);
    return std::move(cluster_);
  }

 private:
  void read_families() {
    const Place families = spec_.field("ipFamilies");
    if (!families) {
      return;
    }
    cluster_.families.clear();
    for (size_t i = 0; i < families.size(); ++i) {
      const Family family = families.item(i).text() == "IPv6" ? Family::IPv6 : Family::IPv4;
      if (cluster_.has_family(family)) {
        findings_.error(families.item(i), std::string(to_string(family)) + " is listed twice",
                        "list each once");
      } else {
        cluster_.families.push_back(family);
      }
    }
  }

  bool check_family(const Place& place, Family family) {
    if (cluster_.has_family(family)) {
      return true;
    }
    const std::string name(to_string(family));
    findings_.error(place, in_quotes(place.text()) + " is " + name + ", which spec.ipFamilies does not have",
                    "add " + name + " there, or remove it here");
    return false;
  }

  void read_network() {
    const Place mode = network_.field("mode");
    cluster_.network.mode = mode.text() == "vxlan" ? model::NetworkMode::Vxlan : model::NetworkMode::Routed;
    read_mtu();
    const auto member = [](Prefix model::DefaultRanges::*range) {
      return [range](Family family) { return model::default_ranges(family).*range; };
    };
    read_ranges("nodeCIDRs", cluster_.network.node_cidrs, member(&model::DefaultRanges::node));
    read_ranges("podCIDRs", cluster_.network.pod_cidrs, member(&model::DefaultRanges::pod));
    read_ranges("serviceCIDRs", cluster_.network.service_cidrs, member(&model::DefaultRanges::service));
    read_ranges("loadBalancerCIDRs", cluster_.network.load_balancer_cidrs,
                member(&model::DefaultRanges::load_balancer));
    check_service_sizes();
    const std::string_view ports = network_.field("nodePortRange").text();
    if (const size_t dash = ports.find('-'); dash != std::string_view::npos) {
      std::from_chars(ports.data(), ports.data() + dash, cluster_.network.node_port_first);
      std::from_chars(ports.data() + dash + 1, ports.data() + ports.size(), cluster_.network.node_port_last);
    }
  }

  void read_mtu() {
    const Place mtu = network_.field("mtu");
    if (!mtu) {
      return;
    }
    cluster_.network.mtu = static_cast<int>(mtu.node->integer);
    // A VXLAN device takes its header off the pods' MTU.
    const bool vxlan = cluster_.network.mode == model::NetworkMode::Vxlan;
    const int header = !vxlan ? 0 : cluster_.families.front() == Family::IPv6 ? 70 : 50;
    if (cluster_.has_family(Family::IPv6) && cluster_.network.mtu - header < kMtuMinIpv6) {
      findings_.error(mtu,
                      "IPv6 needs links of at least " + std::to_string(kMtuMinIpv6 + header) + " bytes" +
                          (vxlan ? " below VXLAN" : "") + ", got " + std::to_string(cluster_.network.mtu),
                      "raise the MTU, or remove IPv6 from spec.ipFamilies");
    }
  }

  // The ranges of `field`, one a family in the order of the families; the default where none is given.
  template <typename DefaultOf>
  void read_ranges(const char* field, std::vector<Prefix>& out, DefaultOf default_of) {
    const Place given = network_.field(field);
    std::map<Family, std::pair<Prefix, size_t>> by_family;
    for (size_t i = 0; i < given.size(); ++i) {
      const Place item = given.item(i);
      const Prefix prefix = *Prefix::parse(item.text());
      if (!check_family(item, prefix.family())) {
        continue;
      }
      if (!by_family.emplace(prefix.family(), std::pair{prefix, i}).second) {
        findings_.error(item, "a second " + std::string(to_string(prefix.family())) + " range",
                        "a cluster has one for each family");
      }
    }
    out.clear();
    for (const Family family : cluster_.families) {
      const auto found = by_family.find(family);
      const bool is_given = found != by_family.end();
      out.push_back(is_given ? found->second.first : default_of(family));
      // `network_` outlives the places: they keep no pointer to `given`, whose path they rebuild.
      ranges_.push_back({field, out.back(), std::nullopt});
      if (is_given) {
        ranges_.back().given = place_of(field, found->second.second);
      }
    }
  }

  // The place of network.<field>[i], with parents that live as long as this reader.
  Place place_of(const char* field, size_t i) {
    auto& list = lists_.try_emplace(field, network_.field(field)).first->second;
    return list.item(i);
  }

  void check_service_sizes() {
    for (const NamedRange& range : ranges_) {
      if (std::string_view(range.field) != "serviceCIDRs" || !range.given) {
        continue;
      }
      if (range.prefix.family() == Family::IPv6 && range.prefix.length() < kServicePrefixShortestIpv6) {
        findings_.error(*range.given,
                        "an IPv6 Service range is /64 or narrower, got " + to_string(range.prefix),
                        "for instance " + to_string(Prefix(range.prefix.address(), 112)));
      } else if (range.prefix.host_bits() < kServiceHostBitsMin) {
        findings_.error(
            *range.given, to_string(range.prefix) + " is too small: the DNS Service takes its tenth address",
            "use /" + std::to_string(range.prefix.length() + range.prefix.host_bits() - kServiceHostBitsMin) +
                " or wider");
      }
    }
  }

  void read_nodes() {
    const Place nodes = spec_.field("nodes");
    if (nodes && nodes.node->is_sequence()) {
      read_node_list(nodes);
    } else if (nodes && nodes.node->kind == YamlNode::Kind::Integer) {
      cluster_.nodes.clear();
      for (std::int64_t i = 1; i <= std::clamp<std::int64_t>(nodes.node->integer, 0, kNodesMax); ++i) {
        cluster_.nodes.push_back({"node-" + std::to_string(i), {}, {}, {}});
      }
    }
  }

  void read_node_list(const Place& nodes) {
    cluster_.nodes.clear();
    std::map<std::string, int, std::less<>> names;
    std::map<IpAddress, std::string> addresses;
    std::vector<std::pair<Prefix, std::string>> pod_cidrs;
    for (size_t i = 0; i < std::min<size_t>(nodes.size(), kNodesMax); ++i) {
      const Place place = nodes.item(i);
      const Place name = place.field("name");
      model::Node node;
      node.name = name.text();
      node.labels = labels_at(place.field("labels"));
      if (const Place zone = place.field("zone")) {
        const auto [label, is_new] = node.labels.emplace(model::kZoneLabel, zone.text());
        if (!is_new && label->second != zone.text()) {
          findings_.error(zone,
                          "differs from the label " + std::string(model::kZoneLabel) + ": " + label->second,
                          "keep one of them");
        }
      }
      if (const auto [first, is_new] = names.emplace(node.name, name.mark.line); !is_new) {
        findings_.error(name, "a second node named " + in_quotes(node.name),
                        "the first is on line " + std::to_string(first->second) + "; rename one of them");
      }
      node.taints = taints_at(place.field("taints"));
      read_node_capacity(place, node);
      read_node_addresses(place, node, addresses);
      read_node_pod_cidrs(place, node, pod_cidrs);
      cluster_.nodes.push_back(std::move(node));
    }
  }

  static void read_node_capacity(const Place& place, model::Node& node) {
    const Place capacity = place.field("capacity");
    for (size_t i = 0; capacity && i < capacity.node->entries.size(); ++i) {
      const YamlEntry& entry = capacity.node->entries[i];
      node.capacity.emplace(entry.key, entry.value->text);
    }
  }

  void read_node_addresses(const Place& place, model::Node& node, std::map<IpAddress, std::string>& taken) {
    const Place list = place.field("addresses");
    for (size_t i = 0; i < list.size(); ++i) {
      const Place item = list.item(i);
      const IpAddress address = *IpAddress::parse(item.text());
      if (!check_family(item, address.family())) {
        continue;
      }
      const Prefix& range = *prefix_of(cluster_.network.node_cidrs, address.family());
      if (!range.contains(address)) {
        findings_.error(item, to_string(address) + " is outside the node range " + to_string(range),
                        "choose one inside it, or change network.nodeCIDRs");
      } else if (address == model::router_node_address(range)) {
        findings_.error(item, to_string(address) + " is the router's address", "choose another");
      } else if (is_edge_address(range, address)) {
        findings_.error(item, to_string(address) + " is no host address of " + to_string(range),
                        "choose another");
      }
      const bool second = std::any_of(node.addresses.begin(), node.addresses.end(),
                                      [&](const IpAddress& a) { return a.family() == address.family(); });
      if (second) {
        findings_.error(item,
                        "a second " + std::string(to_string(address.family())) + " address of this node",
                        "a node has one for each family");
        continue;
      }
      if (const auto [first, is_new] = taken.emplace(address, node.name); !is_new) {
        findings_.error(item, to_string(address) + " is also the address of node " + in_quotes(first->second),
                        "give each its own");
      }
      node.addresses.push_back(address);
    }
  }

  void read_node_pod_cidrs(const Place& place, model::Node& node,
                           std::vector<std::pair<Prefix, std::string>>& taken) {
    const Place list = place.field("podCIDRs");
    for (size_t i = 0; i < list.size(); ++i) {
      const Place item = list.item(i);
      const Prefix prefix = *Prefix::parse(item.text());
      if (!check_family(item, prefix.family())) {
        continue;
      }
      const Prefix& range = *prefix_of(cluster_.network.pod_cidrs, prefix.family());
      if (prefix.length() < range.length() || !range.contains(prefix.address())) {
        findings_.error(item, to_string(prefix) + " is outside the pod range " + to_string(range),
                        "choose a part of it, or change network.podCIDRs");
      } else if (prefix.host_bits() < 2) {
        findings_.error(item, to_string(prefix) + " has no room for a gateway and a pod",
                        "use /" + std::to_string(prefix.length() + prefix.host_bits() - 2) + " or wider");
      }
      const bool second = std::any_of(node.pod_cidrs.begin(), node.pod_cidrs.end(),
                                      [&](const Prefix& p) { return p.family() == prefix.family(); });
      if (second) {
        findings_.error(item,
                        "a second " + std::string(to_string(prefix.family())) + " pod range of this node",
                        "a node has one for each family");
        continue;
      }
      for (const auto& [other, owner] : taken) {
        if (other.overlaps(prefix)) {
          findings_.error(
              item, to_string(prefix) + " overlaps " + to_string(other) + " of node " + in_quotes(owner),
              "give each node its own part of the pod range");
        }
      }
      taken.emplace_back(prefix, node.name);
      node.pod_cidrs.push_back(prefix);
    }
  }

  // Whether addresses and pod CIDRs can be given out to all nodes that have
  // none; as plan::give_out_addresses does.
  void check_room() {
    for (const Family family : cluster_.families) {
      check_room_for_nodes(family);
      check_room_for_pods(family);
    }
  }

  template <typename Member>
  std::uint64_t nodes_without(Family family, Member member) const {
    return static_cast<std::uint64_t>(
        std::count_if(cluster_.nodes.begin(), cluster_.nodes.end(), [&](const model::Node& node) {
          return std::none_of((node.*member).begin(), (node.*member).end(),
                              [&](const auto& value) { return value.family() == family; });
        }));
  }

  Place blame(const char* field) {
    const auto given = std::find_if(ranges_.begin(), ranges_.end(), [&](const NamedRange& r) {
      return r.given && std::string_view(r.field) == field;
    });
    return given != ranges_.end() ? *given->given : spec_.field("nodes");
  }

  void check_room_for_nodes(Family family) {
    const Prefix& range = *prefix_of(cluster_.network.node_cidrs, family);
    const std::uint64_t wanted = nodes_without(family, &model::Node::addresses);
    const std::uint64_t first = range.size() > 32 ? kNodeOffset : 1;
    const std::uint64_t used = first + 2;  // those before, the router, and the last
    const std::uint64_t room = range.size() > used ? range.size() - used : 0;
    if (wanted > room) {
      findings_.error(blame("nodeCIDRs"),
                      "the node range " + to_string(range) + " has room for " + std::to_string(room) +
                          " nodes, not " + std::to_string(wanted),
                      "give network.nodeCIDRs a wider range");
    }
  }

  void check_room_for_pods(Family family) {
    const Prefix& range = *prefix_of(cluster_.network.pod_cidrs, family);
    const int length = std::max(model::default_ranges(family).node_pod_prefix_length, range.length());
    const std::uint64_t wanted = nodes_without(family, &model::Node::pod_cidrs);
    const int bits = length - range.length();
    const std::uint64_t room = bits >= 63 ? std::uint64_t{1} << 63 : std::uint64_t{1} << bits;
    if (wanted > room) {
      findings_.error(blame("podCIDRs"),
                      "the pod range " + to_string(range) + " gives a /" + std::to_string(length) + " to " +
                          std::to_string(room) + (room == 1 ? " node" : " nodes") + ", not to " +
                          std::to_string(wanted),
                      "give network.podCIDRs a wider range");
    } else if (range.host_bits() < 2) {
      findings_.error(blame("podCIDRs"), to_string(range) + " has no room for a gateway and a pod");
    }
  }

  void check_overlaps() {
    for (const Family family : {Family::IPv4, Family::IPv6}) {
      const Prefix& outside = model::default_ranges(family).outside;
      const bool has_dns = cluster_.dns.enabled && cluster_.has_family(family);
      const bool used =
          has_dns || std::any_of(cluster_.outside.hosts.begin(), cluster_.outside.hosts.end(),
                                 [&](const model::OutsideHost& host) {
                                   return std::any_of(
                                       host.addresses.begin(), host.addresses.end(),
                                       [&](const IpAddress& address) { return address.family() == family; });
                                 });
      if (used) {
        ranges_.push_back({"the outside network", outside, std::nullopt});
      }
    }
    for (size_t i = 0; i < ranges_.size() && findings_.has_room(); ++i) {
      for (size_t j = i + 1; j < ranges_.size(); ++j) {
        if (ranges_[i].prefix.overlaps(ranges_[j].prefix)) {
          report_overlap(ranges_[i], ranges_[j]);
        }
      }
    }
  }

  void report_overlap(const NamedRange& a, const NamedRange& b) {
    const NamedRange& mine = b.given ? b : a;
    const NamedRange& other = b.given ? a : b;
    findings_.error(mine.given.value_or(network_),
                    to_string(mine.prefix) + " overlaps " + other.field + " " + to_string(other.prefix) +
                        (other.given ? "" : " (the default)"),
                    "every range of a cluster needs addresses of its own");
  }

  void read_rest() {
    cluster_.dataplane = spec_.field("dataplane").text() == "kube-proxy-nftables"
                             ? model::Dataplane::KubeProxyNftables
                             : model::Dataplane::Maps;
    if (const Place store = spec_.field("store")) {
      cluster_.store = store.text();
    }
    const Place host_programs = spec_.field("hostPrograms");
    cluster_.host_programs =
        model::host_programs_named(host_programs.text()).value_or(model::HostPrograms::All);
    cluster_.allowed_host_programs = texts_at(spec_.field("allowedHostPrograms"));
    cluster_.writable_host = truth_at(spec_.field("writableHost"), false);
    const Place stand_ins = spec_.field("standIns");
    cluster_.stand_in_probes = stand_ins.field("probes").text() == "asWritten"
                                   ? model::StandInProbes::AsWritten
                                   : model::StandInProbes::Answered;
    const Place images = spec_.field("images");
    for (size_t i = 0; i < images.size(); ++i) {
      const Place image = images.item(i);
      model::ImageRule rule{
          std::string(image.field("match").text()), {}, std::string(image.field("root").text())};
      rule.command = texts_at(image.field("command"));
      if (const Place archive = image.field("archive")) {
        rule.archive = archive.text();
        rule.where = findings_.position(archive);
      }
      cluster_.images.push_back(std::move(rule));
    }
  }

  const Place& spec_;
  Place network_;
  Place outside_;
  Findings& findings_;
  Cluster cluster_;
  std::vector<NamedRange> ranges_;
  std::map<std::string_view, Place> lists_;
};

}  // namespace

std::optional<Complaint> check_store_is_here(std::string_view store) {
  constexpr std::string_view kEtcd = "etcd://";
  if (!store.starts_with(kEtcd)) {
    return std::nullopt;
  }
  std::string host(store.substr(kEtcd.size(), store.rfind(':') - kEtcd.size()));
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  static const Prefix kLoopback = *Prefix::parse("127.0.0.0/8");
  const auto address = IpAddress::parse(host);
  if (host == "localhost" ||
      (address && (kLoopback.contains(*address) || *address == IpAddress::loopback(Family::IPv6)))) {
    return std::nullopt;
  }
  return Complaint{
      in_quotes(store) + " is not on this host, and a file alone cannot have requests sent there",
      "etcd://127.0.0.1:2379, or --remote-store on the command line"};
}

model::Cluster read_cluster(const Place& spec, std::string name, Findings& findings) {
  return ClusterReader(spec, std::move(name), findings).read();
}

}  // namespace labctl::manifest
