// What the layout `kube-proxy-nftables` has before there is any Service: kube_proxy_declarations().

#include "topology/ruleset/common_rules.hpp"
#include "topology/ruleset/services/kube_proxy.hpp"

namespace labctl::ruleset {
namespace {

std::string declarations_of(Family family) {
  const FamilyWords& words = words_of(family);
  std::string text;
  for (const char* set : {"cluster-ips", "nodeport-ips"}) {
    text += "  set " + (set + words.end) + " { type " + words.type + "; }\n";
  }
  for (const char* map : {"service-ips", "no-endpoint-services", "firewall-ips", "host-ports"}) {
    text += "  map " + (map + words.end) + " { type " + words.type +
            " . inet_proto . inet_service : verdict; }\n";
  }
  for (const char* map : {"service-nodeports", "no-endpoint-nodeports"}) {
    text += "  map " + (map + words.end) + " { type inet_proto . inet_service : verdict; }\n";
  }
  return text;
}

std::string chain_text(const std::string& name, const std::string& rules) {
  return "  chain " + name + " {\n" + rules + "  }\n";
}

std::string hooked(const std::string& name, const std::string& hook, const std::string& rules) {
  return chain_text(name, "    type " + hook + "; policy accept;\n" + rules);
}

// One rule a family.
std::string by_address(const model::Cluster& cluster, const std::string& map) {
  std::string text;
  for (const Family family : cluster.families) {
    const FamilyWords& words = words_of(family);
    text += "    " + words.ip + " daddr . meta l4proto . th dport vmap @" + map + words.end + "\n";
  }
  return text;
}

std::string by_node_port(const model::Cluster& cluster, const std::string& map) {
  std::string text;
  for (const Family family : cluster.families) {
    const FamilyWords& words = words_of(family);
    text += "    " + words.ip + " daddr @nodeport-ips" + words.end + " meta l4proto . th dport vmap @" + map +
            words.end + "\n";
  }
  return text;
}

std::string chains_of_services(const model::Cluster& cluster) {
  return chain_text("mark-for-masquerade", "    meta mark set meta mark or 0x4000\n") +
         chain_text("masquerading",
                    "    meta mark & 0x4000 == 0 return\n"
                    "    meta mark set meta mark xor 0x4000\n"
                    "    masquerade fully-random comment \"to a Service, not from a pod\"\n") +
         chain_text("reject-chain", refuse("", "no endpoint")) +
         chain_text("services", by_address(cluster, "host-ports") + by_address(cluster, "service-ips") +
                                    by_node_port(cluster, "service-nodeports")) +
         chain_text("service-endpoints-check", by_address(cluster, "no-endpoint-services")) +
         chain_text("nodeport-endpoints-check", by_node_port(cluster, "no-endpoint-nodeports")) +
         chain_text("cluster-ips-check",
                    unknown_cluster_ports(cluster) + unknown_balancer_ports(cluster, {})) +
         chain_text("firewall-check", by_address(cluster, "firewall-ips"));
}

}  // namespace

std::vector<std::string> kube_proxy_sets(Family family) {
  std::vector<std::string> names;
  for (const char* name : {"cluster-ips", "nodeport-ips", "service-ips", "no-endpoint-services",
                           "firewall-ips", "host-ports", "service-nodeports", "no-endpoint-nodeports"}) {
    names.push_back(name + words_of(family).end);
  }
  return names;
}

std::string kube_proxy_declarations(const model::Cluster& cluster) {
  std::string text;
  for (const Family family : cluster.families) {
    text += declarations_of(family);
  }
  const std::string new_ones = "    ct state new jump ";
  const std::string no_endpoints =
      new_ones + "nodeport-endpoints-check\n" + new_ones + "service-endpoints-check\n";
  const std::string firewall = new_ones + "firewall-check\n";
  const std::string cluster_ips = new_ones + "cluster-ips-check\n";
  return text + chains_of_services(cluster) +
         hooked("filter-prerouting", "filter hook prerouting priority -110", firewall) +
         hooked("filter-input", "filter hook input priority -110", no_endpoints) +
         hooked("filter-forward", "filter hook forward priority -110",
                new_ones + "service-endpoints-check\n" + cluster_ips) +
         hooked("filter-output", "filter hook output priority -110", firewall) +
         hooked("filter-output-post-dnat", "filter hook output priority -90", no_endpoints + cluster_ips) +
         hooked("nat-prerouting", "nat hook prerouting priority -100", "    jump services\n") +
         hooked("nat-output", "nat hook output priority -100", "    jump services\n");
}

}  // namespace labctl::ruleset
