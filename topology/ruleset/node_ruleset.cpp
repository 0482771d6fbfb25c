#include "topology/ruleset/node_ruleset.hpp"

#include "topology/ruleset/common_rules.hpp"
#include "topology/ruleset/services/kube_proxy.hpp"

namespace labctl::ruleset {
namespace {

// Only addresses, which cannot carry a quote or a semicolon, enter the text.

// What the maps of Services are asked for.
std::string vip_of(const FamilyWords& words) { return words.ip + " daddr . meta l4proto . th dport"; }

// What service_maps.hpp fills.
std::string declarations(Family family) {
  const FamilyWords& words = words_of(family);
  return "  map services" + words.end + " { typeof " + vip_of(words) + " : meta mark; }\n" +  //
         "  map endpoints" + words.end + " { typeof " + vip_of(words) +
         " . numgen random mod 2 : " + words.ip + " daddr . th dport; }\n" +  //
         "  set ranges" + words.end + " { typeof " + vip_of(words) + " . " + words.ip +
         " saddr; flags interval; }\n" + "  set cluster-ips" + words.end + " { typeof " + words.ip +
         " daddr; }\n" +  //
         "  set hairpin" + words.end + " { typeof " + words.ip + " saddr . " + words.ip + " daddr; }\n";
}

// The first packet of every connection comes here. What no Service knows falls through.
std::string services_chain(const model::Cluster& cluster) {
  std::string text = "  chain services {\n";
  for (const Family family : cluster.families) {
    const FamilyWords& words = words_of(family);
    text += "    meta mark set " + vip_of(words) + " map @services" + words.end + "\n";
  }
  return text + "    meta mark vmap @shapes\n";
}

std::string service_tables(const model::Cluster& cluster, const std::string& last_rules) {
  std::string text;
  for (const Family family : cluster.families) {
    text += declarations(family);
  }
  return text + "  map shapes { typeof meta mark : verdict; }\n  map learn { typeof ct mark : verdict; }\n" +
         services_chain(cluster) + last_rules +
         "  }\n"
         "  chain prerouting { type nat hook prerouting priority dstnat; policy accept;\n"
         "    jump services\n  }\n";
}

// Masquerades what services_chain() marked, and a pod that reaches itself by way of a Service.
std::string masquerade_services(const model::Cluster& cluster) {
  std::string text =
      "    ct mark vmap @learn\n"
      "    meta mark & 0x4000 == 0x4000 masquerade fully-random comment \"to a Service, not from a pod\"\n";
  for (const Family family : cluster.families) {
    const FamilyWords& words = words_of(family);
    text += "    ct status dnat " + words.ip + " saddr . " + words.ip + " daddr @hairpin" + words.end +
            " masquerade fully-random comment \"to itself by a Service\"\n";
  }
  return text;
}

std::string pod_egress(const Prefix& pods, const Prefix& nodes) {
  const std::string ip = words_of(pods.family()).ip;
  return "    " + ip + " saddr " + to_string(pods) + " " + ip + " daddr != { " + to_string(pods) + ", " +
         to_string(nodes) + " } oifname \"eth0\" masquerade comment \"pod egress\"\n";
}

std::string node_service_maps(const model::Cluster& cluster) {
  return service_tables(cluster, unknown_cluster_ports(cluster) + unknown_balancer_ports(cluster, {})) +
         "  chain output { type nat hook output priority -100; policy accept;\n"
         "    jump services\n  }\n"
         "  chain input { type nat hook input priority 100; policy accept;\n"
         "    ct mark vmap @learn\n  }\n";
}

}  // namespace

std::string node_ruleset(const model::Cluster& cluster) {
  const bool is_kube_proxy = cluster.dataplane == model::Dataplane::KubeProxyNftables;
  std::string text = "table inet " + std::string(kTable) + " {\n" +
                     (is_kube_proxy ? kube_proxy_declarations(cluster) : node_service_maps(cluster)) +
                     "  chain postrouting { type nat hook postrouting priority srcnat; policy accept;\n" +
                     (is_kube_proxy ? "    jump masquerading\n" : masquerade_services(cluster));
  for (size_t i = 0; i < cluster.families.size(); ++i) {
    text += pod_egress(cluster.network.pod_cidrs.at(i), cluster.network.node_cidrs.at(i));
  }
  text +=
      "  }\n"
      "  chain forward { type filter hook forward priority filter; policy accept;\n"
      "    ct state invalid drop comment \"of no connection: would pass without its translation\"\n  }\n";
  if (cluster.has_family(Family::IPv4)) {
    // route_localnet, which a hostPort on 127.0.0.1 needs, must not open this node's loopback to others.
    text +=
        "  chain loopback { type filter hook prerouting priority raw; policy accept;\n"
        "    iifname != \"lo\" ip daddr 127.0.0.0/8 drop comment \"loopback address from another host\"\n  "
        "}\n";
  }
  return text + "}\n";
}

std::string router_ruleset(const model::Cluster& cluster) {
  std::string text =
      "table inet " + std::string(kTable) + " {\n" + service_tables(cluster, {}) +
      "  chain postrouting { type nat hook postrouting priority srcnat; policy accept;\n"
      "    meta mark & 0x4000 == 0x4000 masquerade fully-random comment \"by the balancer\"\n  }\n"
      "  chain balancer { type filter hook forward priority filter; policy accept;\n" +
      unknown_balancer_ports(cluster, "oifname \"eth0\" ") +
      "  }\n"
      "  chain no-route { type filter hook prerouting priority filter; policy accept;\n";
  for (size_t i = 0; i < cluster.families.size(); ++i) {
    const Prefix& pods = cluster.network.pod_cidrs.at(i);
    const bool is_ipv4 = pods.family() == Family::IPv4;
    text += "    " + words_of(pods.family()).ip + " daddr { " + to_string(pods);
    for (const Prefix& services : cluster.network.service_cidrs) {
      text += services.family() == pods.family() ? ", " + to_string(services) : "";
    }
    text += std::string(" } reject with ") +
            (is_ipv4 ? "icmp type net-unreachable" : "icmpv6 type no-route") +
            " comment \"no route to pods and services\"\n";
  }
  return text + "  }\n}\n";
}

}  // namespace labctl::ruleset
