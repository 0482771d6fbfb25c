#include "labctl/controllers/pods/nodes.hpp"

#include "labctl/objects/fields.hpp"

#include "control_loop_fixture.hpp"

namespace labctl::controllers {
namespace {

using nlohmann::json;

TEST(Nodes, AreObjectsAsKubernetesHasThem) {
  model::Cluster cluster = cluster_of(1);
  cluster.nodes[0].labels["topology.kubernetes.io/zone"] = "a";
  ControlLoops loops(cluster);
  const json node = *loops.store.get({"nodes", "", "node-1"});
  EXPECT_EQ(node["spec"]["podCIDR"], "10.244.1.0/24");
  EXPECT_EQ(node["spec"]["podCIDRs"], json::array({"10.244.1.0/24"}));
  EXPECT_EQ(node["status"]["addresses"][0], (json{{"type", "InternalIP"}, {"address", "192.168.50.11"}}));
  EXPECT_EQ(node["status"]["allocatable"]["pods"], "253");
  EXPECT_EQ(node["metadata"]["labels"]["kubernetes.io/hostname"], "node-1");
  EXPECT_EQ(node["metadata"]["labels"]["beta.kubernetes.io/os"], "linux");
  EXPECT_EQ(node["metadata"]["labels"]["topology.kubernetes.io/zone"], "a");
  EXPECT_TRUE(objects::is_ready(node));
}

TEST(Nodes, SyncingAgainKeepsLabelsOfUsersAndChangesNothing) {
  ControlLoops loops;
  loops.store.modify({"nodes", "", "node-1"}, [](json& node) { node["metadata"]["labels"]["disk"] = "ssd"; });
  const std::uint64_t version = loops.store.version();
  sync_nodes(loops.store, loops.cluster);
  EXPECT_EQ(loops.store.version(), version);
}

TEST(Nodes, TheStandardNamespacesExist) {
  ControlLoops loops;
  for (const char* name : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    const json ns = *loops.store.get({"namespaces", "", name});
    EXPECT_EQ(ns["metadata"]["labels"]["kubernetes.io/metadata.name"], name);
    EXPECT_EQ(ns["status"]["phase"], "Active");
  }
}

TEST(PodCapacity, IsWhatThePodCidrHolds) {
  model::Node node;
  EXPECT_EQ(pod_capacity(node), 0U);
  node.pod_cidrs = {*Prefix::parse("10.244.1.0/24")};
  EXPECT_EQ(pod_capacity(node), 253U);
  node.pod_cidrs = {*Prefix::parse("10.244.0.0/16")};
  EXPECT_EQ(pod_capacity(node), kPodsPerNode);
  node.pod_cidrs = {*Prefix::parse("fd00::/64"), *Prefix::parse("10.244.1.0/28")};
  EXPECT_EQ(pod_capacity(node), 13U);
  node.pod_cidrs = {*Prefix::parse("10.244.1.0/31")};
  EXPECT_EQ(pod_capacity(node), 0U);
}

}  // namespace
}  // namespace labctl::controllers
