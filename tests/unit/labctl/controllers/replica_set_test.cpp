#include "labctl/controllers/workloads/replica_set.hpp"

#include "labctl/objects/fields.hpp"

#include "control_loop_fixture.hpp"

#include <gmock/gmock.h>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::controller_of;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

class ReplicaSetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    loops.create("replicasets", "web", workload("ReplicaSet", "web", 3));
    loops.settle();
  }
  json status() const { return loops.get("replicasets", "web")["status"]; }
  ControlLoops loops;
};

TEST_F(ReplicaSetTest, ReportsItsPods) {
  EXPECT_EQ(status()["replicas"], 3);
  EXPECT_EQ(status()["fullyLabeledReplicas"], 3);
  EXPECT_EQ(status()["readyReplicas"], 3);
  loops.make_ready(loops.pod_names().front(), false);
  loops.run();
  EXPECT_EQ(status()["readyReplicas"], 2);
}

TEST_F(ReplicaSetTest, APodWhoseLabelsNoLongerMatchIsLetGoAndReplaced) {
  const std::string pod = loops.pod_names().front();
  loops.edit("pods", pod, [](json& object) { object["metadata"]["labels"]["app"] = "other"; });
  loops.settle();
  EXPECT_EQ(loops.pods().size(), 4U);
  EXPECT_EQ(controller_of(loops.get("pods", pod)), nullptr);
  EXPECT_EQ(status()["replicas"], 3);
}

TEST_F(ReplicaSetTest, AMatchingPodWithoutAnOwnerIsTakenIn) {
  loops.scale("replicasets", "web", 4);
  loops.create("pods", "stray", bare_pod());
  loops.settle();
  EXPECT_EQ(loops.pods().size(), 4U);
  ASSERT_NE(controller_of(loops.get("pods", "stray")), nullptr);
  EXPECT_EQ(objects::text_at(*controller_of(loops.get("pods", "stray")), "name"), "web");
}

TEST_F(ReplicaSetTest, APodOfAnotherOwnerIsLeftAlone) {
  loops.create("replicasets", "other", [] {
    json object = workload("ReplicaSet", "other", 1);
    object["spec"]["template"]["metadata"]["labels"]["app"] = "web";
    object["spec"]["selector"]["matchLabels"] = {{"app", "web"}};
    return object;
  }());
  loops.settle();
  EXPECT_EQ(loops.pods().size(), 4U);
  EXPECT_EQ(status()["replicas"], 3);
}

TEST_F(ReplicaSetTest, AFinishedPodIsReplacedAndLeftLying) {
  loops.finish(loops.pod_names().front(), "Failed");
  loops.settle();
  EXPECT_EQ(loops.pods().size(), 4U);
  EXPECT_EQ(loops.active(), 3U);
}

TEST_F(ReplicaSetTest, ScalingDownTakesPodsThatAreNotReadyFirst) {
  const std::string broken = loops.pod_names()[1];
  loops.make_ready(broken, false);
  loops.run();
  loops.scale("replicasets", "web", 2);
  loops.run();
  EXPECT_TRUE(objects::is_being_deleted(loops.get("pods", broken)));
  EXPECT_EQ(loops.active(), 2U);
}

TEST_F(ReplicaSetTest, ANameIsNeverGivenTwice) {
  std::set<std::string> seen;
  for (int i = 0; i < 30; ++i) {
    const auto names = loops.pod_names();
    seen.insert(names.begin(), names.end());
    loops.store.remove({"pods", "default", names.front()});
    loops.settle();
  }
  EXPECT_EQ(seen.size(), 32U);
}

// A pod as ranking sees it.
store::ObjectPtr ranked(const char* name, const std::function<void(json&)>& edit = {}) {
  json pod = bare_pod();
  pod["metadata"]["name"] = name;
  pod["metadata"]["creationTimestamp"] = "2006-01-02T15:00:00Z";
  pod["spec"]["nodeName"] = std::string("node-") + name;
  pod["status"] = {
      {"phase", "Running"},
      {"conditions",
       {{{"type", "Ready"}, {"status", "True"}, {"lastTransitionTime", "2006-01-02T15:00:05Z"}}}}};
  if (edit) {
    edit(pod);
  }
  return std::make_shared<const json>(std::move(pod));
}

std::vector<std::string> order(const std::vector<store::ObjectPtr>& pods) {
  std::vector<std::string> names;
  for (const auto& pod : ranked_for_deletion(pods)) {
    names.push_back(objects::name_of(*pod));
  }
  return names;
}

TEST(RankedForDeletion, GoesFromTheLeastToTheMostUseful) {
  EXPECT_THAT(
      order({ranked("f"),
             ranked("e",
                    [](json& p) {
                      p["metadata"]["annotations"] = {{"controller.kubernetes.io/pod-deletion-cost", "-5"}};
                    }),
             ranked("d", [](json& p) { p["status"]["conditions"][0]["status"] = "False"; }),
             ranked("c", [](json& p) { p["status"]["phase"] = "Pending"; }),
             ranked("b", [](json& p) { p["spec"].erase("nodeName"); })}),
      ElementsAre("b", "c", "d", "e", "f"));
}

TEST(RankedForDeletion, AmongReadyPodsTheLaterAndTheYoungerGoFirst) {
  EXPECT_THAT(
      order({ranked("a"), ranked("b"),
             ranked("c", [](json& p) { p["metadata"]["creationTimestamp"] = "2006-01-02T15:00:01Z"; }),
             ranked("d",
                    [](json& p) {
                      p["status"]["containerStatuses"] = {{{"restartCount", 3}}};
                    }),
             ranked("e",
                    [](json& p) {
                      p["status"]["conditions"][0]["lastTransitionTime"] = "2006-01-02T15:00:09Z";
                    }),
             ranked("f", [](json& p) { p["spec"]["nodeName"] = "node-a"; })}),
      ElementsAre("a", "f", "e", "d", "c", "b"));
}

}  // namespace
}  // namespace labctl::controllers
