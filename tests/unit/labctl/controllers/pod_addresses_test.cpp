#include "labctl/controllers/pods/pod_addresses.hpp"

#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"

#include "control_loop_fixture.hpp"

#include <gmock/gmock.h>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::text_at;
using ::testing::ElementsAre;

class PodAddressesTest : public ::testing::Test {
 protected:
  std::string ip(const std::string& pod) const { return text_at(loops.get("pods", pod), "status.podIP"); }
  ControlLoops loops{cluster_of(1)};
};

TEST_F(PodAddressesTest, AreTheLowestFreeAfterTheGateway) {
  for (const char* name : {"a", "b", "c"}) {
    loops.create("pods", name, bare_pod());
  }
  loops.run();
  EXPECT_EQ(ip("a"), "10.244.1.2");
  EXPECT_EQ(ip("b"), "10.244.1.3");
  loops.store.remove({"pods", "default", "a"});
  loops.create("pods", "d", bare_pod());
  loops.run();
  EXPECT_EQ(ip("d"), "10.244.1.2");
  EXPECT_EQ(loops.store.allocations().owner_of("pods/10.244.1.0/24", "10.244.1.2"), "pod/default/d");
}

TEST_F(PodAddressesTest, StatusHasThemAsKubernetesDoes) {
  loops.create("pods", "a", bare_pod());
  loops.run();
  const json status = loops.get("pods", "a")["status"];
  EXPECT_EQ(status["podIPs"], json::array({{{"ip", "10.244.1.2"}}}));
  EXPECT_EQ(status["hostIP"], "192.168.50.11");
  EXPECT_EQ(status["hostIPs"], json::array({{{"ip", "192.168.50.11"}}}));
}

TEST_F(PodAddressesTest, APodOnTheHostNetworkHasTheNodes) {
  json pod = bare_pod();
  pod["spec"]["hostNetwork"] = true;
  loops.create("pods", "a", pod);
  loops.run();
  EXPECT_EQ(ip("a"), "192.168.50.11");
  EXPECT_EQ(loops.store.allocations().count("pods/10.244.1.0/24"), 0U);
}

TEST_F(PodAddressesTest, EachFamilyHasOneInTheOrderOfTheCluster) {
  model::Cluster cluster = cluster_of(1);
  cluster.families = {Family::IPv6, Family::IPv4};
  cluster.nodes[0].pod_cidrs.insert(cluster.nodes[0].pod_cidrs.begin(), *Prefix::parse("fd00:10:244:1::/64"));
  ControlLoops dual(cluster);
  dual.create("pods", "a", bare_pod());
  dual.run();
  EXPECT_EQ(dual.get("pods", "a")["status"]["podIPs"],
            json::array({{{"ip", "fd00:10:244:1::2"}}, {{"ip", "10.244.1.2"}}}));
}

TEST_F(PodAddressesTest, APodBeingDeletedKeepsItsAddressUntilItIsRemoved) {
  loops.create("pods", "a", bare_pod());
  loops.run();
  objects::delete_object(loops.store, {"pods", "default", "a"});
  loops.create("pods", "b", bare_pod());
  loops.run();
  EXPECT_EQ(ip("a"), "10.244.1.2");
  EXPECT_EQ(ip("b"), "10.244.1.3");
  loops.remove_deleted();
  loops.run();
  EXPECT_THAT(loops.store.allocations().values("pods/10.244.1.0/24"), ElementsAre("10.244.1.3"));
}

TEST_F(PodAddressesTest, AFinishedPodGivesItsAddressBack) {
  loops.create("pods", "a", bare_pod());
  loops.run();
  loops.finish("a", "Succeeded");
  loops.create("pods", "b", bare_pod());
  loops.run();
  EXPECT_EQ(ip("a"), "");
  EXPECT_EQ(ip("b"), "10.244.1.2");
}

TEST_F(PodAddressesTest, AnAddressOutlivesContainerRestarts) {
  loops.create("pods", "a", bare_pod());
  loops.run();
  loops.make_ready("a");
  loops.make_ready("a", false);
  loops.run();
  EXPECT_EQ(ip("a"), "10.244.1.2");
}

TEST_F(PodAddressesTest, ARestoredStoreHasTheOldAddressesAndNoOthers) {
  loops.create("pods", "a", bare_pod());
  loops.run();
  const store::Store::Snapshot snapshot = loops.store.snapshot();
  loops.store.remove({"pods", "default", "a"});
  loops.create("pods", "a", bare_pod());
  loops.create("pods", "b", bare_pod());
  loops.run();
  loops.store.restore(snapshot);
  loops.run();
  EXPECT_EQ(ip("a"), "10.244.1.2");
  EXPECT_THAT(loops.store.allocations().values("pods/10.244.1.0/24"), ElementsAre("10.244.1.2"));
}

TEST_F(PodAddressesTest, ANodeIsFullWhenItsRangeIs) {
  ControlLoops small(cluster_of(1, 30));  // one address besides the gateway
  small.create("pods", "a", bare_pod());
  small.create("pods", "b", bare_pod());
  small.run();
  EXPECT_EQ(text_at(small.get("pods", "a"), "status.podIP"), "10.244.0.6");
  EXPECT_EQ(text_at(small.get("pods", "b"), "spec.nodeName"), "");
}

}  // namespace
}  // namespace labctl::controllers
