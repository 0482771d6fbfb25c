#include "topology/ruleset/node_ruleset.hpp"

namespace labctl::ruleset {
namespace {

// Only addresses, which cannot carry a quote or a semicolon, enter the text.
std::string masquerade_rule(const Prefix& pods, const Prefix& nodes) {
  const std::string family = pods.family() == Family::IPv4 ? "ip" : "ip6";
  return "    " + family + " saddr " + to_string(pods) + " " + family + " daddr != { " + to_string(pods) +
         ", " + to_string(nodes) + " } oifname \"eth0\" masquerade comment \"pod egress\"\n";
}

}  // namespace

std::string node_ruleset(const model::Cluster& cluster) {
  std::string text = "table inet " + std::string(kTable) +
                     " {\n"
                     "  chain postrouting {\n"
                     "    type nat hook postrouting priority srcnat; policy accept;\n";
  for (size_t i = 0; i < cluster.families.size(); ++i) {
    text += masquerade_rule(cluster.network.pod_cidrs.at(i), cluster.network.node_cidrs.at(i));
  }
  return text + "  }\n}\n";
}

std::string router_ruleset(const model::Cluster& cluster) {
  std::string text = "table inet " + std::string(kTable) +
                     " {\n"
                     "  chain prerouting {\n"
                     "    type filter hook prerouting priority filter; policy accept;\n";
  for (size_t i = 0; i < cluster.families.size(); ++i) {
    const Prefix& pods = cluster.network.pod_cidrs.at(i);
    const bool is_ipv4 = pods.family() == Family::IPv4;
    text += std::string("    ") + (is_ipv4 ? "ip" : "ip6") + " daddr { " + to_string(pods);
    for (const Prefix& services : cluster.network.service_cidrs) {
      text += services.family() == pods.family() ? ", " + to_string(services) : "";
    }
    text += std::string(" } reject with ") + (is_ipv4 ? "icmp type net-unreachable" : "icmpv6 type no-route") +
            " comment \"no route to pods and services\"\n";
  }
  return text + "  }\n}\n";
}

}  // namespace labctl::ruleset
