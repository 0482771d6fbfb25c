#include "labctl/controllers/scheduling/node_resources.hpp"

#include "labctl/controllers/scheduling/admission.hpp"

#include "labctl/objects/fields.hpp"

#include "control_loop_fixture.hpp"

#include <gmock/gmock.h>

#include <string>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::text_at;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr std::int64_t kMebi = 1 << 20;

json container_of(const char* cpu, const char* memory, bool is_sidecar = false) {
  json container{{"name", "c"}, {"resources", {{"requests", {{"cpu", cpu}, {"memory", memory}}}}}};
  if (is_sidecar) {
    container["restartPolicy"] = "Always";
  }
  return container;
}

TEST(NodeResourcesTest, ContainersAddUp) {
  const json pod{{"spec", {{"containers", {container_of("500m", "64Mi"), container_of("1", "64Mi")}}}}};
  EXPECT_THAT(requests_of(pod), ElementsAre(Pair("cpu", 1500), Pair("memory", 128 * kMebi)));
}

TEST(NodeResourcesTest, AnInitContainerCountsWhereItNeedsMore) {
  const json pod{{"spec",
                  {{"initContainers", {container_of("3", "1Mi"), container_of("100m", "256Mi")}},
                   {"containers", {container_of("500m", "64Mi")}}}}};
  EXPECT_THAT(requests_of(pod), ElementsAre(Pair("cpu", 3000), Pair("memory", 256 * kMebi)));
}

TEST(NodeResourcesTest, ASidecarCountsBesideAllThatFollow) {
  const json pod{{"spec",
                  {{"initContainers",
                    {container_of("2", "1Mi"), container_of("1", "1Mi", true), container_of("2", "1Mi")}},
                   {"containers", {container_of("1", "1Mi")}},
                   {"overhead", {{"cpu", "250m"}}}}}};
  EXPECT_THAT(requests_of(pod), ElementsAre(Pair("cpu", 3250), Pair("memory", 2 * kMebi)));
}

TEST(NodeResourcesTest, ALimitWithoutARequestIsOne) {
  const json pod{
      {"spec",
       {{"containers",
         {{{"resources",
            {{"limits", {{"cpu", 2}, {"example.com/gpu", "1"}}}, {"requests", {{"cpu", "1"}}}}}}}}}}};
  EXPECT_THAT(requests_of(pod), ElementsAre(Pair("cpu", 1000), Pair("example.com/gpu", 1)));
}

TEST(NodeResourcesTest, WhatANodeHasNotIsInsufficient) {
  EXPECT_THAT(shortages({{"cpu", 500}, {"memory", 10}}, {{"cpu", 1000}, {"memory", 10}}, {{"cpu", 600}}),
              ElementsAre("Insufficient cpu"));
  EXPECT_THAT(shortages({{"example.com/gpu", 1}, {"cpu", 0}}, {}, {}),
              ElementsAre("Insufficient example.com/gpu"));
  EXPECT_THAT(shortages({{"cpu", 400}}, {{"cpu", 1000}}, {{"cpu", 600}}), IsEmpty());
}

class CapacityTest : public ::testing::Test {
 protected:
  static model::Cluster small() {
    model::Cluster cluster = cluster_of(2);
    cluster.nodes[0].capacity = {{"cpu", "2"}, {"memory", "1Gi"}, {"pods", "3"}};
    cluster.nodes[1].capacity = {{"cpu", "1"}, {"memory", "4Gi"}};
    return cluster;
  }
  std::string make(const std::string& name, const char* cpu, const char* memory) {
    json pod = bare_pod();
    pod["spec"]["containers"] = json::array({container_of(cpu, memory)});
    loops.create("pods", name, std::move(pod));
    loops.run();
    const json made = loops.get("pods", name);
    const std::string& node = text_at(made, "spec.nodeName");
    return node.empty() ? text_at(*objects::condition(made, "PodScheduled"), "message") : node;
  }
  ControlLoops loops{small()};
};

TEST_F(CapacityTest, NodesShowWhatTheyHave) {
  const json node = *loops.store.get({"nodes", "", "node-1"});
  EXPECT_EQ(node["status"]["allocatable"]["cpu"], "2");
  EXPECT_EQ(node["status"]["allocatable"]["pods"], "3");
  EXPECT_EQ(node["status"]["capacity"], node["status"]["allocatable"]);
  EXPECT_EQ((*loops.store.get({"nodes", "", "node-2"}))["status"]["capacity"]["pods"], "253");
}

TEST_F(CapacityTest, PodsFillNodesByTheirRequests) {
  EXPECT_EQ(make("a", "1500m", "512Mi"), "node-1");
  EXPECT_EQ(make("b", "1", "2Gi"), "node-2");
  EXPECT_EQ(make("c", "500m", "768Mi"),
            "0/2 nodes are available: 1 Insufficient cpu, 1 Insufficient memory. "
            "preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.");
  EXPECT_EQ(make("d", "500m", "512Mi"), "node-1");
  loops.store.remove({"pods", "default", "b"});
  loops.run();
  EXPECT_EQ(text_at(loops.get("pods", "c"), "spec.nodeName"), "node-2");
}

TEST_F(CapacityTest, AllThatIsShortOnANodeIsSaid) {
  EXPECT_EQ(make("a", "3", "8Gi"),
            "0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory. "
            "preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.");
}

TEST_F(CapacityTest, PodsAreAResourceToo) {
  loops.store.modify({"nodes", "", "node-2"}, [](json& node) { node["spec"]["unschedulable"] = true; });
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_EQ(make(name, "0", "0"), "node-1");
  }
  EXPECT_EQ(make("d", "5", "0"),
            "0/2 nodes are available: 1 Insufficient cpu, 1 Too many pods, 1 node(s) were unschedulable. "
            "preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, "
            "1 Preemption is not helpful for scheduling.");
}

// ---- A node that is named ------------------------------------------------------------------------

TEST_F(CapacityTest, APodThatNamesAFullNodeFailsAsItsKubeletSays) {
  json pod = bare_pod();
  pod["spec"]["nodeName"] = "node-1";
  pod["spec"]["containers"] = json::array({container_of("1500m", "2Gi")});
  make("a", "1500m", "1Mi");
  loops.create("pods", "b", pod);
  loops.run();
  const json failed = loops.get("pods", "b");
  EXPECT_EQ(text_at(failed, "status.phase"), "Failed");
  EXPECT_EQ(text_at(failed, "status.reason"), "OutOfcpu");
  EXPECT_EQ(
      text_at(failed, "status.message"),
      "Pod was rejected: Node didn't have enough resource: cpu, requested: 1500, used: 1500, capacity: 2000");
  EXPECT_EQ(text_at(failed, "spec.nodeName"), "node-1");
  EXPECT_THAT(loops.events("OutOfcpu"), ElementsAre("Node didn't have enough resource: cpu, requested: 1500, "
                                                    "used: 1500, capacity: 2000"));
  // It stays as it is when there is room.
  loops.store.remove({"pods", "default", "a"});
  loops.run();
  EXPECT_EQ(loops.get("pods", "b"), failed);
}

TEST_F(CapacityTest, TheFirstThatANodeIsOutOfIsSaid) {
  EXPECT_EQ(out_of({{"example.com/gpu", 1}, {"memory", 20}}, {{"memory", 10}}, {})->reason, "OutOfmemory");
  EXPECT_EQ(out_of({{"example.com/gpu", 1}, {"memory", 10}}, {{"memory", 10}}, {})->reason,
            "OutOfexample.com/gpu");
  EXPECT_FALSE(out_of({{"memory", 10}, {"cpu", 0}}, {{"memory", 20}}, {{"memory", 10}}));
  EXPECT_EQ(out_of_pods(3, 3).message,
            "Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3");
}

TEST_F(CapacityTest, APodOfAControllerWaitsForItsNode) {
  make("a", "1500m", "1Mi");
  json set = workload("ReplicaSet", "shop", 2);
  json& spec = set["spec"]["template"]["spec"];
  spec["nodeName"] = "node-1";
  spec["containers"] = json::array({container_of("1", "1Mi")});
  loops.create("replicasets", "shop", set);
  loops.run();
  EXPECT_EQ(loops.active(), 3u);
  EXPECT_THAT(loops.events("OutOfcpu"), IsEmpty());
  loops.store.remove({"pods", "default", "a"});
  loops.settle();
  EXPECT_EQ(loops.active(), 2u);
  for (const store::ObjectPtr& pod : loops.pods()) {
    EXPECT_FALSE(text_at(*pod, "status.podIP").empty());
  }
}

TEST_F(CapacityTest, OfThoseThatWaitTheOneOfHigherPriorityGoesFirst) {
  make("a", "2", "1Mi");
  make("b", "1", "1Mi");
  json low = bare_pod();
  low["spec"]["containers"] = json::array({container_of("1", "1Mi")});
  json high = low;
  high["spec"]["priority"] = 1000;
  json critical = low;
  critical["spec"]["priorityClassName"] = "system-cluster-critical";
  loops.create("pods", "low", low);
  loops.create("pods", "high", high);
  loops.create("pods", "critical", critical);
  loops.run();
  loops.store.remove({"pods", "default", "a"});
  loops.run();
  EXPECT_EQ(text_at(loops.get("pods", "critical"), "spec.nodeName"), "node-1");
  EXPECT_EQ(text_at(loops.get("pods", "high"), "spec.nodeName"), "node-1");
  EXPECT_EQ(text_at(loops.get("pods", "low"), "spec.nodeName"), "");
}

}  // namespace
}  // namespace labctl::controllers
