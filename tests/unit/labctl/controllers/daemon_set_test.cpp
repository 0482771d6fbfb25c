#include "labctl/controllers/workloads/daemon_set.hpp"

#include "labctl/objects/fields.hpp"

#include "control_loop_fixture.hpp"

#include <gmock/gmock.h>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

class DaemonSetTest : public ::testing::Test {
 protected:
  void make(const std::function<void(json&)>& edit = {}) {
    json object = workload("DaemonSet", "agent", 0);
    if (edit) {
      edit(object);
    }
    loops.create("daemonsets", "agent", std::move(object));
    loops.settle();
  }
  std::vector<std::string> nodes() const {
    std::vector<std::string> names;
    for (const auto& pod : loops.pods()) {
      names.push_back(objects::text_at(*pod, "spec.nodeName"));
    }
    return names;
  }
  void label_node(const std::string& name, const std::string& key, const std::string& value) {
    loops.store.modify({"nodes", "", name}, [&](json& node) { node["metadata"]["labels"][key] = value; });
  }
  json status() const { return loops.get("daemonsets", "agent")["status"]; }
  ControlLoops loops;
};

TEST_F(DaemonSetTest, HasOnePodOnEachNode) {
  make();
  EXPECT_THAT(nodes(), UnorderedElementsAre("node-1", "node-2", "node-3"));
  EXPECT_EQ(status()["desiredNumberScheduled"], 3);
  EXPECT_EQ(status()["numberReady"], 3);
  EXPECT_EQ(status()["numberMisscheduled"], 0);
}

TEST_F(DaemonSetTest, FollowsTheLabelsOfNodes) {
  make([](json& object) { object["spec"]["template"]["spec"]["nodeSelector"] = {{"disk", "ssd"}}; });
  EXPECT_TRUE(nodes().empty());
  label_node("node-2", "disk", "ssd");
  loops.settle();
  EXPECT_THAT(nodes(), ElementsAre("node-2"));
  label_node("node-2", "disk", "hdd");
  label_node("node-3", "disk", "ssd");
  loops.settle();
  EXPECT_THAT(nodes(), ElementsAre("node-3"));
}

TEST_F(DaemonSetTest, ReplacesADeletedPodOnItsNode) {
  make();
  const std::string pod = loops.pod_names().front();
  loops.store.remove({"pods", "default", pod});
  loops.settle();
  EXPECT_THAT(nodes(), UnorderedElementsAre("node-1", "node-2", "node-3"));
  EXPECT_THAT(loops.pod_names(), ::testing::Not(::testing::Contains(pod)));
}

TEST_F(DaemonSetTest, ARollingUpdateTakesOneNodeAtATime) {
  make();
  loops.set_image("daemonsets", "agent", "app:2");
  loops.settle([&] {
    int ready = 0;
    for (const auto& pod : loops.pods()) {
      ready += objects::is_active(*pod) && objects::is_ready(*pod) ? 1 : 0;
    }
    EXPECT_GE(ready, 2);
  });
  for (const auto& pod : loops.pods()) {
    EXPECT_EQ(pod->at("spec").at("containers")[0].at("image"), "app:2");
  }
  EXPECT_EQ(status()["updatedNumberScheduled"], 3);
}

TEST_F(DaemonSetTest, MaxUnavailableMayBeAShare) {
  make([](json& object) { object["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] = "67%"; });
  loops.set_image("daemonsets", "agent", "app:2");
  loops.run();
  EXPECT_EQ(loops.active(), 0U);  // 67% of 3 rounds up to 3
}

TEST_F(DaemonSetTest, OnDeleteWaitsForTheUser) {
  make([](json& object) { object["spec"]["updateStrategy"]["type"] = "OnDelete"; });
  loops.set_image("daemonsets", "agent", "app:2");
  loops.settle();
  EXPECT_EQ(loops.pods().front()->at("spec").at("containers")[0].at("image"), "app:1");
}

TEST_F(DaemonSetTest, AFinishedPodIsMadeAgain) {
  make();
  loops.finish(loops.pod_names().front(), "Failed");
  loops.settle();
  EXPECT_EQ(loops.pods().size(), 3U);
  EXPECT_EQ(loops.active(), 3U);
}

}  // namespace
}  // namespace labctl::controllers
