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

}  // namespace labctl::ruleset
