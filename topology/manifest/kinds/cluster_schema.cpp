// labctl.dev/v1alpha1 Cluster: its fields. What spans fields is checked by read_cluster().

#include "topology/manifest/kinds/cluster_reader.hpp"
#include "topology/manifest/kinds/dns_record.hpp"
#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/kinds/scheduling_schema.hpp"
#include "topology/model/host_programs.hpp"

#include <array>

namespace labctl::manifest {
namespace {

// A node's name is its kernel hostname and its kubernetes.io/hostname label.
std::optional<Complaint> check_host_name(std::string_view text) {
  constexpr size_t kHostNameMax = 63;
  if (text.size() > kHostNameMax) {
    return Complaint{"a host name has at most 63 characters, got " + std::to_string(text.size()), {}};
  }
  return check_dns_subdomain(text);
}

// The name of any Service fits below it: 63 characters, its namespace's 63, "svc".
std::optional<Complaint> check_cluster_domain(std::string_view text) {
  constexpr size_t kClusterDomainMax = 253 - 2 * 64 - 4;
  if (text.size() > kClusterDomainMax) {
    return Complaint{"has " + std::to_string(text.size()) + " characters; at most " +
                         std::to_string(kClusterDomainMax) + " leave room for the names of Services",
                     {}};
  }
  return check_domain_name(text);
}

constexpr std::array kClusterNodeFields{
    text("name", check_host_name).required(),
    string_map("labels", check_label_key, check_label_value),
    text("zone", check_label_value),
    texts("podCIDRs", check_cidr),
    texts("addresses", check_ip),
    list("taints", kTaint),
    object("capacity", kResourceList),
};
void check_cluster_node(const Place& node, Findings& findings) {
  check_taints(node.field("taints"), findings);
  check_capacity(node.field("capacity"), findings);
}

constexpr std::array kNetworkFields{
    text("mode").one_of(kNetworkModes),
    integer("mtu", 576, 65535),
    texts("nodeCIDRs", check_cidr).not_empty(),
    texts("podCIDRs", check_cidr).not_empty(),
    texts("serviceCIDRs", check_cidr).not_empty(),
    texts("loadBalancerCIDRs", check_cidr).not_empty(),
    text("nodePortRange", check_port_range),
};
constexpr Schema kNetwork{"Cluster network", kNetworkFields};

constexpr std::array kStubDomainFields{text("suffix", check_domain_name).required(),
                                       texts("servers", check_ip).required().not_empty()};
constexpr Schema kStubDomain{"stub domain", kStubDomainFields};
constexpr std::array kHostOverrideFields{text("address", check_ip).required(),
                                         texts("names", check_domain_name).required().not_empty()};
constexpr Schema kHostOverride{"dns host", kHostOverrideFields};
constexpr std::array kDnsFields{
    boolean("enabled"),    text("domain", check_cluster_domain), integer("replicas", 1, 100),
    boolean("logQueries"), list("stubDomains", kStubDomain),     list("hosts", kHostOverride),
};
constexpr Schema kDns{"Cluster dns", kDnsFields};

constexpr std::array kImageFields{text("match", check_not_empty).required(),
                                  texts("command", check_not_empty), text("root", check_not_empty),
                                  text("archive", check_not_empty)};
void check_image_rule(const Place& place, Findings& findings) {
  if (place.field("root") && place.field("archive")) {
    findings.error(place, "an image rule has a root or an archive, not both",
                   "a root is a folder with a file tree, an archive what `docker save` writes");
  }
  if (place.field("command").size() == 0 && !place.field("root") && !place.field("archive")) {
    findings.error(place, "an image rule needs a command, a root or an archive",
                   "as in {match: \"nginx*\", command: [nginx, -g, \"daemon off;\"]}");
  }
}
constexpr Schema kImage{"image rule", kImageFields, check_image_rule};

constexpr std::array<std::string_view, 2> kStandInProbes{"answered", "asWritten"};
constexpr std::array kStandInFields{text("probes").one_of(kStandInProbes)};
constexpr Schema kStandIns{"Cluster standIns", kStandInFields};

constexpr std::array<std::string_view, 3> kTransportProtocols{"TCP", "UDP", "SCTP"};
constexpr std::array kOutsidePortFields{port("port").required(),
                                        text("protocol").one_of(kTransportProtocols)};
constexpr Schema kOutsidePort{"outside port", kOutsidePortFields};
constexpr std::array kOutsideHostFields{text("name", check_dns_label).required(),
                                        texts("addresses", check_ip).required().not_empty(),
                                        list("ports", kOutsidePort)};
constexpr Schema kOutsideHost{"outside host", kOutsideHostFields};
constexpr std::array kOutsideDnsFields{texts("records", check_dns_record)};
constexpr Schema kOutsideDns{"outside dns", kOutsideDnsFields};
constexpr std::array kOutsideFields{list("hosts", kOutsideHost), object("dns", kOutsideDns)};
constexpr Schema kOutside{"Cluster outside", kOutsideFields};

constexpr std::array<std::string_view, 2> kLinkStates{"up", "down"};
constexpr std::array kLinkFields{
    text("node"),
    text("pod", check_pod_name),
    text("rate", check_rate),
    text("delay", check_duration),
    text("loss", check_percent),
    integer("mtu", 576, 65535),
    text("state").one_of(kLinkStates),
};
void check_link(const Place& place, Findings& findings) {
  const bool node(place.field("node"));
  const bool pod(place.field("pod"));
  if (node == pod) {
    findings.error(place,
                   node ? "a link names a node or a pod, not both" : "a link must name its node or its pod",
                   "as in {node: node-1, rate: 100mbit} or {pod: default/web-0, state: down}");
  }
}
constexpr Schema kLink{"link", kLinkFields, check_link};

constexpr std::array<std::string_view, 2> kFamilies{"IPv4", "IPv6"};
constexpr std::array kSpecFields{
    any("nodes"),
    texts("ipFamilies").one_of(kFamilies).not_empty(),
    object("network", kNetwork),
    text("dataplane").one_of(kDataplanes),
    text("store", check_store),
    object("dns", kDns),
    list("images", kImage),
    object("standIns", kStandIns),
    text("hostPrograms").one_of(model::kHostProgramWords),
    texts("allowedHostPrograms", check_not_empty),
    boolean("writableHost"),
    object("outside", kOutside),
    list("links", kLink).later(),
};

void check_nodes(const Place& spec, Findings& findings) {
  const Place nodes = spec.field("nodes");
  if (!nodes) {
    return;
  }
  const auto too_many = [&](std::int64_t count) {
    if (count < 1 || count > kNodesMax) {
      findings.error(nodes,
                     "must be 1 to " + std::to_string(kNodesMax) + " nodes, got " + std::to_string(count));
    }
  };
  if (nodes.node->kind == YamlNode::Kind::Integer) {
    return too_many(nodes.node->integer);
  }
  if (!nodes.node->is_sequence()) {
    findings.error(nodes, "must be a count or a list of nodes, got " + description(*nodes.node),
                   "as in nodes: 3, or nodes: [{name: left}, {name: right}]");
    return;
  }
  too_many(static_cast<std::int64_t>(nodes.size()));
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Place node = nodes.item(i);
    if (node) {
      static constexpr Schema kClusterNode{"Cluster node", kClusterNodeFields, check_cluster_node};
      check_schema(node, kClusterNode, findings);
    } else {
      findings.error(node, "an empty item", "remove the \"-\", or write {name: NAME}");
    }
  }
}

constexpr std::array kClusterFields{
    text("apiVersion"),           text("kind"),       object("metadata", kMetadata),
    object("spec", kClusterSpec), reserved("status"),
};

}  // namespace

constexpr Schema kClusterSpec{"Cluster spec", kSpecFields, nullptr, check_nodes};
constexpr Schema kCluster{"Cluster", kClusterFields};

}  // namespace labctl::manifest
