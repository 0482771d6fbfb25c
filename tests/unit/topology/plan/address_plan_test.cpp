#include "topology/plan/address_plan.hpp"
#include "tests/support/addresses.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <set>

namespace labctl::plan {
namespace {

model::Cluster cluster_with(int nodes) {
  model::Cluster cluster = model::default_cluster("test");
  cluster.nodes.clear();
  for (int i = 1; i <= nodes; ++i) {
    cluster.nodes.push_back({"node-" + std::to_string(i), {}, {}, {}});
  }
  return cluster;
}

IpAddress address(const char* text) { return *IpAddress::parse(text); }

TEST(AddressPlan, TheFirstNodeGetsEleven) {
  const model::Cluster cluster = give_out_addresses(cluster_with(3));
  EXPECT_EQ(cluster.nodes[0].addresses.front(), address("192.168.50.11"));
  EXPECT_EQ(cluster.nodes[2].addresses.front(), address("192.168.50.13"));
}

TEST(AddressPlan, TheFirstPodCidrIsTheSecondOfTheRange) {
  const model::Cluster cluster = give_out_addresses(cluster_with(2));
  EXPECT_EQ(cluster.nodes[0].pod_cidrs.front(), prefix("10.244.1.0/24"));
  EXPECT_EQ(cluster.nodes[1].pod_cidrs.front(), prefix("10.244.2.0/24"));
}

TEST(AddressPlan, AFullRangeIsUsedFromItsFirstPrefix) {
  model::Cluster cluster = cluster_with(4);
  cluster.network.pod_cidrs = {prefix("10.0.0.0/22")};
  cluster = give_out_addresses(cluster);
  EXPECT_EQ(cluster.nodes[0].pod_cidrs.front(), prefix("10.0.0.0/24"));
  EXPECT_EQ(cluster.nodes[3].pod_cidrs.front(), prefix("10.0.3.0/24"));
}

TEST(AddressPlan, WhatANodeWasGivenByHandIsNobodyElses) {
  model::Cluster cluster = cluster_with(3);
  cluster.nodes[1].addresses = {address("192.168.50.11")};
  cluster.nodes[2].pod_cidrs = {prefix("10.244.0.0/23")};
  cluster = give_out_addresses(cluster);
  std::set<IpAddress> addresses;
  for (size_t i = 0; i < cluster.nodes.size(); ++i) {
    addresses.insert(cluster.nodes[i].addresses.front());
    for (size_t j = 0; j < i; ++j) {
      EXPECT_FALSE(cluster.nodes[i].pod_cidrs.front().overlaps(cluster.nodes[j].pod_cidrs.front()));
    }
  }
  EXPECT_EQ(addresses.size(), 3U);
}

TEST(AddressPlan, NoNodeGetsTheRoutersAddress) {
  const model::Cluster cluster = give_out_addresses(cluster_with(242));
  for (const model::Node& node : cluster.nodes) {
    EXPECT_NE(node.addresses.front(), address("192.168.50.254"));
  }
}

TEST(AddressPlan, TooSmallARangeSaysWhich) {
  model::Cluster cluster = cluster_with(5);
  cluster.network.pod_cidrs = {prefix("10.0.0.0/22")};
  try {
    give_out_addresses(cluster);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
    EXPECT_STREQ(error.what(), "podCIDRs 10.0.0.0/22: too small for 5 nodes");
  }
}

TEST(AddressPlan, BothFamiliesComeInTheClustersOrder) {
  model::Cluster cluster = cluster_with(1);
  cluster.families = {Family::IPv6, Family::IPv4};
  const auto& v6 = model::default_ranges(Family::IPv6);
  const auto& v4 = model::default_ranges(Family::IPv4);
  cluster.network.node_cidrs = {v6.node, v4.node};
  cluster.network.pod_cidrs = {v6.pod, v4.pod};
  cluster = give_out_addresses(cluster);
  ASSERT_EQ(cluster.nodes[0].addresses.size(), 2U);
  EXPECT_EQ(cluster.nodes[0].addresses[0].family(), Family::IPv6);
  EXPECT_EQ(cluster.nodes[0].pod_cidrs[0], prefix("fd00:10:244:1::/64"));
}

TEST(AddressPlan, TheSameClusterGetsTheSameAddresses) {
  EXPECT_EQ(give_out_addresses(cluster_with(9)), give_out_addresses(cluster_with(9)));
}

}  // namespace
}  // namespace labctl::plan
