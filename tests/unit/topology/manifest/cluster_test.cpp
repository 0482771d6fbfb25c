#include "tests/support/addresses.hpp"
#include "topology/manifest/decode_cluster.hpp"
#include "topology/manifest/loader.hpp"

#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::manifest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Loaded load_spec(const std::string& spec) {
  return load(
      {{"t.yaml", "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nmetadata: {name: shop}\nspec:\n" + spec}},
      {});
}

std::vector<std::string> said_of_cluster(const std::string& spec) {
  std::vector<std::string> out;
  for (const Diagnostic& d : load_spec(spec).diagnostics) {
    out.push_back((d.severity == Severity::Error ? "E " : "W ") + d.path + ": " + d.message);
  }
  return out;
}

TEST(Cluster, EverythingIsOptional) {
  const Loaded loaded = load({{"t.yaml", "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\n"}}, {});
  EXPECT_THAT(loaded.diagnostics, IsEmpty());
  EXPECT_EQ(loaded.cluster, model::default_cluster("lab"));
}

TEST(Cluster, ACountNamesTheNodes) {
  const Loaded loaded = load_spec("  nodes: 3\n");
  ASSERT_THAT(loaded.cluster->nodes, SizeIs(3));
  EXPECT_EQ(loaded.cluster->nodes[2].name, "node-3");
  EXPECT_EQ(loaded.cluster->name, "shop");
}

TEST(Cluster, AListSaysAllOfANode) {
  const Loaded loaded = load_spec(
      "  nodes:\n  - {name: left, zone: a, labels: {disk: ssd}, podCIDRs: [10.244.9.0/25], addresses: "
      "[192.168.50.77]}\n");
  ASSERT_THAT(loaded.diagnostics, IsEmpty());
  EXPECT_EQ(loaded.cluster->nodes.at(0), (model::Node{"left",
                                                      {{"disk", "ssd"}, {"topology.kubernetes.io/zone", "a"}},
                                                      {prefix("10.244.9.0/25")},
                                                      {*IpAddress::parse("192.168.50.77")}}));
}

TEST(Cluster, FamiliesKeepTheirOrderAndFillInRanges) {
  const Loaded loaded = load_spec("  ipFamilies: [IPv6, IPv4]\n  network: {podCIDRs: [10.10.0.0/16]}\n");
  ASSERT_THAT(loaded.diagnostics, IsEmpty());
  EXPECT_THAT(loaded.cluster->families, ElementsAre(Family::IPv6, Family::IPv4));
  EXPECT_THAT(loaded.cluster->network.pod_cidrs,
              ElementsAre(prefix("fd00:10:244::/56"), prefix("10.10.0.0/16")));
  EXPECT_THAT(loaded.cluster->outside.hosts.at(0).addresses,
              ElementsAre(*IpAddress::parse("2001:db8:51::a"), *IpAddress::parse("198.51.100.10")));
}

TEST(Cluster, TheExampleOfTheDesignIsUnderstood) {
  const Loaded loaded = load_spec(R"(  nodes: 3
  network: {mode: vxlan, mtu: 1400, nodePortRange: 31000-31999}
  dataplane: kube-proxy-nftables
  store: etcd://127.0.0.1:2379
  dns: {enabled: true, domain: example.test, replicas: 2}
  images:
  - {match: "nginx*", command: [nginx, -g, "daemon off;"]}
  - {match: "example.org/app:*", root: ./rootfs}
  - {match: "shop/*", archive: shop.tar}
  outside:
    hosts:
    - {name: www, addresses: [198.51.100.80], ports: [{port: 80}, {port: 53, protocol: UDP}]}
    dns: {records: ["www.example.org. A 198.51.100.80"]}
  links:
  - {node: node-1, rate: 100mbit, delay: 5ms, loss: 0.1%, mtu: 1400}
  - {pod: default/web-0, state: down}
)");
  EXPECT_FALSE(has_errors(loaded.diagnostics));
  const model::Cluster& cluster = *loaded.cluster;
  EXPECT_EQ(cluster.network.mode, model::NetworkMode::Vxlan);
  EXPECT_EQ(cluster.network.node_port_first, 31000);
  EXPECT_EQ(cluster.network.node_port_last, 31999);
  EXPECT_EQ(cluster.dataplane, model::Dataplane::KubeProxyNftables);
  EXPECT_EQ(cluster.store, "etcd://127.0.0.1:2379");
  EXPECT_EQ(cluster.dns, (model::Dns{true, "example.test", 2, false, {}, {}}));
  EXPECT_EQ(cluster.images.at(1), (model::ImageRule{"example.org/app:*", {}, "./rootfs"}));
  EXPECT_EQ(cluster.images.at(2).archive, "shop.tar");
  EXPECT_GT(cluster.images.at(2).where.line, 0);
  EXPECT_THAT(cluster.outside.hosts.at(0).ports, ElementsAre(model::OutsidePort{80, model::Protocol::Tcp},
                                                             model::OutsidePort{53, model::Protocol::Udp}));
  EXPECT_EQ(cluster.links.at(0),
            (model::Link{"node-1", "", 100'000'000, std::chrono::milliseconds(5), 0.1, 1400, true}));
  EXPECT_EQ(cluster.links.at(1), (model::Link{"", "default/web-0", {}, {}, 0, {}, false}));
}

TEST(Cluster, ProbesOfStandInsAreAnsweredUnlessItSaysAsWritten) {
  EXPECT_EQ(load_spec("  nodes: 1\n").cluster->stand_in_probes, model::StandInProbes::Answered);
  EXPECT_EQ(load_spec("  standIns: {probes: answered}\n").cluster->stand_in_probes,
            model::StandInProbes::Answered);
  EXPECT_EQ(load_spec("  standIns: {probes: asWritten}\n").cluster->stand_in_probes,
            model::StandInProbes::AsWritten);
  EXPECT_TRUE(has_errors(load_spec("  standIns: {probes: never}\n").diagnostics));
}

TEST(Cluster, NoOutsideHostsIsAllowed) {
  EXPECT_THAT(load_spec("  outside: {hosts: []}\n").cluster->outside.hosts, IsEmpty());
}

TEST(Cluster, AnOutsideHostMayHaveAnyOtherAddress) {
  EXPECT_THAT(said_of_cluster("  outside: {hosts: [{name: dns, addresses: [9.9.9.9]}]}\n"), IsEmpty());
}

TEST(Cluster, AnOutsideAddressOfAFamilyWithoutNodesIsAWarning) {
  EXPECT_THAT(said_of_cluster("  outside: {hosts: [{name: six, addresses: [\"2001:db8:51::9\"]}]}\n"),
              ElementsAre("W spec.outside.hosts[0].addresses[0]: no node speaks IPv6, so the cluster cannot "
                          "reach this address"));
}

TEST(Cluster, AThousandNodesFitWideRanges) {
  EXPECT_THAT(
      said_of_cluster("  nodes: 1000\n  network: {nodeCIDRs: [192.168.0.0/20], podCIDRs: [10.0.0.0/12], "
                      "serviceCIDRs: [10.96.0.0/16]}\n"),
      IsEmpty());
}

TEST(Cluster, NodesWithAddressesOfTheirOwnNeedNoRoom) {
  EXPECT_THAT(said_of_cluster(
                  "  nodes: [{name: a, podCIDRs: [10.244.0.0/25]}, {name: b, podCIDRs: [10.244.0.128/25]}]\n"
                  "  network: {podCIDRs: [10.244.0.0/24], nodeCIDRs: [192.168.50.0/29]}\n"),
              IsEmpty());
}

TEST(Cluster, TheSmallestMtuDependsOnFamilyAndMode) {
  EXPECT_THAT(said_of_cluster("  network: {mtu: 576}\n"), IsEmpty());
  EXPECT_THAT(said_of_cluster("  ipFamilies: [IPv6]\n  network: {mtu: 1280}\n"), IsEmpty());
  EXPECT_THAT(said_of_cluster("  ipFamilies: [IPv6]\n  network: {mtu: 1279}\n"),
              ElementsAre("E spec.network.mtu: IPv6 needs links of at least 1280 bytes, got 1279"));
}

TEST(Cluster, EveryPairOfRangesIsCompared) {
  for (const char* network :
       {"podCIDRs: [192.168.0.0/16]", "serviceCIDRs: [10.244.0.0/20]", "loadBalancerCIDRs: [10.96.7.0/24]",
        "nodeCIDRs: [203.0.113.0/25]", "podCIDRs: [0.0.0.0/0]"}) {
    EXPECT_TRUE(has_errors(load_spec(std::string("  network: {") + network + "}\n").diagnostics)) << network;
  }
}

TEST(DecodeCluster, ReadsTheSpecOfAScenario) {
  EXPECT_THAT(decode_cluster(nlohmann::json{{"nodes", 4}}, "x").nodes, SizeIs(4));
  EXPECT_EQ(decode_cluster(nullptr, "x"), model::default_cluster("x"));
}

TEST(DecodeCluster, ThrowsOnWhatLoadRefuses) {
  EXPECT_THROW(decode_cluster(nlohmann::json{{"nodes", 0}}, "x"), Error);
  EXPECT_THROW(decode_cluster(nlohmann::json{{"network", {{"podCIDRs", {"10.96.0.0/16"}}}}}, "x"), Error);
  EXPECT_THROW(decode_cluster("text", "x"), Error);
}

}  // namespace
}  // namespace labctl::manifest
