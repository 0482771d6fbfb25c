#include "topology/ruleset/node_ruleset.hpp"

#include <gtest/gtest.h>

namespace labctl::ruleset {
namespace {

model::Cluster dual_stack() {
  model::Cluster cluster = model::default_cluster("test");
  cluster.families = {Family::IPv4, Family::IPv6};
  const auto& v6 = model::default_ranges(Family::IPv6);
  cluster.network.node_cidrs.push_back(v6.node);
  cluster.network.pod_cidrs.push_back(v6.pod);
  cluster.network.service_cidrs.push_back(v6.service);
  return cluster;
}

TEST(NodeRuleset, PodEgressIsMasqueradedButNotToPodsAndNodes) {
  const std::string text = node_ruleset(model::default_cluster("test"));
  EXPECT_NE(
      text.find("    ip saddr 10.244.0.0/16 ip daddr != { 10.244.0.0/16, 192.168.50.0/24 } oifname \"eth0\" "
                "masquerade comment \"pod egress\"\n"),
      std::string::npos)
      << text;
}

TEST(NodeRuleset, UnknownServiceAddressesEndAtTheNode) {
  const std::string text = node_ruleset(model::default_cluster("test"));
  EXPECT_NE(text.find("ip daddr @cluster-ips4 reject with icmpx port-unreachable"), std::string::npos)
      << text;
  EXPECT_NE(text.find("ip daddr 10.96.0.0/16 drop"), std::string::npos) << text;
  EXPECT_NE(text.find("iifname \"eth0\" ip daddr 203.0.113.0/24 reject"), std::string::npos) << text;
}

TEST(NodeRuleset, EachFamilyHasItsRule) {
  const std::string text = node_ruleset(dual_stack());
  EXPECT_NE(text.find("ip saddr 10.244.0.0/16"), std::string::npos);
  EXPECT_NE(text.find("ip6 saddr fd00:10:244::/56"), std::string::npos);
}

TEST(RouterRuleset, PodsAndServicesAreRefusedInWords) {
  const std::string text = router_ruleset(dual_stack());
  EXPECT_NE(text.find("ip daddr { 10.244.0.0/16, 10.96.0.0/16 } reject with icmp type net-unreachable "
                      "comment \"no route to "
                      "pods and services\"\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("ip6 daddr { fd00:10:244::/56, fd00:10:96::/112 } reject with icmpv6 type no-route"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace labctl::ruleset
