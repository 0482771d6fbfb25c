#include "topology/model/cluster.hpp"

#include <gtest/gtest.h>

namespace labctl::model {
namespace {

TEST(DefaultCluster, IsTwoNodesOfIPv4) {
  const Cluster cluster = default_cluster("lab");
  EXPECT_EQ(cluster.name, "lab");
  ASSERT_EQ(cluster.nodes.size(), 2u);
  EXPECT_EQ(cluster.nodes[0].name, "node-1");
  EXPECT_TRUE(cluster.has_family(Family::IPv4));
  EXPECT_FALSE(cluster.has_family(Family::IPv6));
  EXPECT_EQ(cluster.network.pod_cidrs, std::vector{*Prefix::parse("10.244.0.0/16")});
}

TEST(DefaultCluster, HasAClientAndAWebServerOutside) {
  const Cluster cluster = default_cluster("lab");
  ASSERT_EQ(cluster.outside.hosts.size(), 2u);
  EXPECT_EQ(to_string(cluster.outside.hosts[0].addresses.at(0)), "198.51.100.10");
  EXPECT_EQ(cluster.outside.hosts[1].ports, (std::vector{OutsidePort{80, Protocol::Tcp}}));
}

TEST(DefaultRanges, OfOneFamilyDoNotOverlap) {
  for (const Family family : {Family::IPv4, Family::IPv6}) {
    const DefaultRanges& r = default_ranges(family);
    const std::vector<Prefix> all{r.node, r.pod, r.service, r.load_balancer, r.outside};
    for (size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(all[i].family(), family);
      for (size_t j = i + 1; j < all.size(); ++j) {
        EXPECT_FALSE(all[i].overlaps(all[j])) << to_string(all[i]) << " " << to_string(all[j]);
      }
    }
  }
}

TEST(Router, StandsAtTheEndOfTheNodesAndTheStartOfTheOutside) {
  EXPECT_EQ(to_string(router_node_address(*Prefix::parse("192.168.50.0/24"))), "192.168.50.254");
  EXPECT_EQ(to_string(router_node_address(*Prefix::parse("192.168.0.0/22"))), "192.168.3.254");
  EXPECT_EQ(to_string(router_outside_address(*Prefix::parse("2001:db8:51::/64"))), "2001:db8:51::1");
}

}  // namespace
}  // namespace labctl::model
