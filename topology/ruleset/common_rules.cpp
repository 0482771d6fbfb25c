#include "topology/ruleset/common_rules.hpp"

#include "topology/ruleset/services/service_layout.hpp"

namespace labctl::ruleset {

const FamilyWords& words_of(Family family) {
  static const FamilyWords kIpv4{"ip", "4", "ipv4_addr"};
  static const FamilyWords kIpv6{"ip6", "6", "ipv6_addr"};
  return family == Family::IPv4 ? kIpv4 : kIpv6;
}

std::string refuse(const std::string& match, const std::string& comment) {
  const std::string begin = "    " + match + (match.empty() ? "" : " ");
  const std::string end = " comment \"" + nft_comment(comment) + "\"\n";
  return begin + "meta l4proto tcp reject with tcp reset" + end +  //
         begin + "reject with icmpx port-unreachable" + end;
}

std::string unknown_cluster_ports(const model::Cluster& cluster) {
  std::string text;
  for (const Family family : cluster.families) {
    const FamilyWords& words = words_of(family);
    text += refuse(words.ip + " daddr @cluster-ips" + words.end, "no such port of the Service");
  }
  for (const Prefix& range : cluster.network.service_cidrs) {
    text += "    " + words_of(range.family()).ip + " daddr " + to_string(range) +
            " drop comment \"ClusterIP of no Service\"\n";
  }
  return text;
}

std::string unknown_balancer_ports(const model::Cluster& cluster, const std::string& match) {
  std::string text;
  for (const Prefix& range : cluster.network.load_balancer_cidrs) {
    text += refuse("iifname \"eth0\" " + match + words_of(range.family()).ip + " daddr " + to_string(range),
                   "no such port of the LoadBalancer");
  }
  return text;
}

}  // namespace labctl::ruleset
