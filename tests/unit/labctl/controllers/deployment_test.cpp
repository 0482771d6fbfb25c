#include "labctl/controllers/workloads/deployment_status.hpp"
#include "labctl/objects/fields.hpp"

#include "control_loop_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::condition;
using objects::name_of;
using objects::text_at;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class DeploymentTest : public ::testing::Test {
 protected:
  void deploy(int replicas) {
    loops.create("deployments", "web", workload("Deployment", "web", replicas));
    loops.settle();
  }
  json deployment() const { return loops.get("deployments", "web"); }
  std::vector<store::ObjectPtr> sets() const { return loops.store.list("replicasets"); }
  std::int64_t available() const {
    std::int64_t count = 0;
    for (const auto& pod : loops.pods()) {
      count += objects::is_active(*pod) && objects::is_ready(*pod) ? 1 : 0;
    }
    return count;
  }
  std::string progressing() const {
    const json* found = condition(deployment_, "Progressing");
    return found == nullptr ? "" : text_at(*found, "reason");
  }
  void look() { deployment_ = deployment(); }

  ControlLoops loops;
  json deployment_;
};

TEST_F(DeploymentTest, MakesAReplicaSetAndItsPods) {
  deploy(3);
  ASSERT_EQ(sets().size(), 1U);
  const json set = *sets().front();
  EXPECT_THAT(name_of(set), MatchesRegex("web-[bcdfghjklmnpqrstvwxz2456789]{10}"));
  EXPECT_EQ(text_at(set, "metadata.labels.pod-template-hash"), name_of(set).substr(4));
  EXPECT_EQ(text_at(set, "spec.selector.matchLabels.pod-template-hash"), name_of(set).substr(4));
  EXPECT_EQ(loops.pods().size(), 3U);
  for (const std::string& name : loops.pod_names()) {
    EXPECT_THAT(name, MatchesRegex(name_of(set) + "-[bcdfghjklmnpqrstvwxz2456789]{5}"));
  }
}

TEST_F(DeploymentTest, TheSameFilesGiveTheSameNames) {
  deploy(3);
  ControlLoops again;
  again.create("deployments", "web", workload("Deployment", "web", 3));
  again.settle();
  EXPECT_EQ(again.pod_names(), loops.pod_names());
}

TEST_F(DeploymentTest, ReportsCountsAndConditions) {
  deploy(3);
  const json status = deployment()["status"];
  EXPECT_EQ(status["replicas"], 3);
  EXPECT_EQ(status["readyReplicas"], 3);
  EXPECT_EQ(status["availableReplicas"], 3);
  EXPECT_EQ(status["updatedReplicas"], 3);
  EXPECT_FALSE(status.contains("unavailableReplicas"));
  EXPECT_EQ(status["observedGeneration"], 1);
  EXPECT_EQ(text_at(*condition(deployment(), "Available"), "status"), "True");
  EXPECT_EQ(text_at(*condition(deployment(), "Progressing"), "reason"), "NewReplicaSetAvailable");
}

TEST_F(DeploymentTest, ReplacesADeletedPodWithoutWaitingForItsEnd) {
  deploy(3);
  const std::string gone = loops.pod_names().front();
  loops.store.modify({"pods", "default", gone},
                     [](json& pod) { pod["metadata"]["deletionTimestamp"] = "2006-01-02T15:04:05Z"; });
  loops.run();
  EXPECT_EQ(loops.pods().size(), 4U);
  EXPECT_EQ(loops.active(), 3U);
  loops.settle();
  EXPECT_EQ(loops.pods().size(), 3U);
  EXPECT_THAT(loops.pod_names(), ::testing::Not(Contains(gone)));
}

TEST_F(DeploymentTest, ScalesUpAndDown) {
  deploy(3);
  const auto before = loops.pod_names();
  loops.scale("deployments", "web", 5);
  loops.settle();
  EXPECT_EQ(loops.pods().size(), 5U);
  EXPECT_THAT(loops.pod_names(), ::testing::IsSupersetOf(before));
  loops.scale("deployments", "web", 0);
  loops.settle();
  EXPECT_EQ(loops.pods().size(), 0U);
  EXPECT_EQ(sets().size(), 1U);
}

TEST_F(DeploymentTest, ARollingUpdateKeepsItsBoundsAndEndsWithTheNewTemplate) {
  deploy(10);
  loops.set_image("deployments", "web", "app:2");
  loops.settle([&] {
    // 25%: surge 3, unavailable 2.
    EXPECT_LE(loops.active(), 13U);
    EXPECT_GE(available(), 8);
  });
  EXPECT_EQ(loops.pods().size(), 10U);
  for (const auto& pod : loops.pods()) {
    EXPECT_EQ(pod->at("spec").at("containers")[0].at("image"), "app:2");
  }
  EXPECT_EQ(sets().size(), 2U);
  EXPECT_EQ(text_at(deployment(), "metadata.annotations").size(), 0U);
  EXPECT_EQ(deployment()["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2");
}

TEST_F(DeploymentTest, ABrokenUpdateStopsWithTheOldPodsInPlace) {
  deploy(4);
  loops.set_image("deployments", "web", "broken:1");
  for (int i = 0; i < 20; ++i) {
    loops.run();
    loops.remove_deleted();
  }
  EXPECT_EQ(available(), 3);  // maxUnavailable 25% of 4
  EXPECT_EQ(loops.active(), 5U);
  EXPECT_EQ(text_at(*condition(deployment(), "Available"), "status"), "True");
}

TEST_F(DeploymentTest, ARolloutThatStandsStillExceedsItsDeadline) {
  deploy(2);
  loops.edit("deployments", "web", [](json& object) { object["spec"]["progressDeadlineSeconds"] = 60; });
  loops.set_image("deployments", "web", "broken:1");
  const Reconciled first = loops.run();
  loops.remove_deleted();
  loops.run();
  look();
  EXPECT_EQ(progressing(), "ReplicaSetUpdated");
  ASSERT_TRUE(first.again_at);
  EXPECT_EQ(*first.again_at, loops.clock.wall() + std::chrono::seconds(60));
  loops.clock.advance(std::chrono::seconds(61));
  EXPECT_TRUE(loops.reconciler.has_work());
  loops.run();
  look();
  EXPECT_EQ(progressing(), "ProgressDeadlineExceeded");
  EXPECT_EQ(text_at(*condition(deployment_, "Progressing"), "status"), "False");
}

TEST_F(DeploymentTest, GoingBackToAnOldTemplateUsesItsReplicaSetAgain) {
  deploy(2);
  const std::string first = name_of(*sets().front());
  loops.set_image("deployments", "web", "app:2");
  loops.settle();
  loops.set_image("deployments", "web", "app:1");
  loops.settle();
  EXPECT_EQ(sets().size(), 2U);
  EXPECT_EQ(loops.get("replicasets", first)["spec"]["replicas"], 2);
  EXPECT_EQ(loops.get("replicasets", first)["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
            "3");
  EXPECT_EQ(deployment()["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "3");
}

TEST_F(DeploymentTest, RecreateStartsTheNewVersionWhenTheOldHasGone) {
  loops.create("deployments", "web", [] {
    json object = workload("Deployment", "web", 3);
    object["spec"]["strategy"]["type"] = "Recreate";
    return object;
  }());
  loops.settle();
  loops.set_image("deployments", "web", "app:2");
  loops.run();
  EXPECT_EQ(loops.active(), 0U);
  EXPECT_EQ(loops.pods().size(), 3U);
  loops.settle([&] {
    std::set<std::string> images;
    for (const auto& pod : loops.pods()) {
      images.insert(pod->at("spec").at("containers")[0].at("image").get<std::string>());
    }
    EXPECT_LE(images.size(), 1U);
  });
  EXPECT_EQ(loops.pods().size(), 3U);
  EXPECT_EQ(loops.pods().front()->at("spec").at("containers")[0].at("image"), "app:2");
}

TEST_F(DeploymentTest, APausedDeploymentScalesButDoesNotRoll) {
  deploy(2);
  loops.edit("deployments", "web", [](json& object) { object["spec"]["paused"] = true; });
  loops.set_image("deployments", "web", "app:2");
  loops.scale("deployments", "web", 4);
  loops.settle();
  EXPECT_EQ(sets().size(), 1U);
  EXPECT_EQ(loops.pods().size(), 4U);
  loops.edit("deployments", "web", [](json& object) { object["spec"]["paused"] = false; });
  loops.settle();
  EXPECT_EQ(sets().size(), 2U);
  EXPECT_EQ(loops.pods().front()->at("spec").at("containers")[0].at("image"), "app:2");
}

TEST_F(DeploymentTest, KeepsOnlyTheHistoryItShould) {
  loops.create("deployments", "web", [] {
    json object = workload("Deployment", "web", 1);
    object["spec"]["revisionHistoryLimit"] = 2;
    return object;
  }());
  for (int i = 1; i <= 6; ++i) {
    loops.set_image("deployments", "web", "app:" + std::to_string(i));
    loops.settle();
  }
  EXPECT_EQ(sets().size(), 3U);
}

TEST_F(DeploymentTest, DeletingItTakesReplicaSetsAndPods) {
  deploy(3);
  loops.store.remove({"deployments", "default", "web"});
  loops.settle();
  EXPECT_TRUE(sets().empty());
  EXPECT_TRUE(loops.pods().empty());
}

TEST_F(DeploymentTest, ADeletedReplicaSetIsMadeAgain) {
  deploy(2);
  const std::string name = name_of(*sets().front());
  loops.store.remove({"replicasets", "default", name});
  loops.settle();
  ASSERT_EQ(sets().size(), 1U);
  EXPECT_EQ(name_of(*sets().front()), name);
  EXPECT_EQ(loops.active(), 2U);
}

TEST_F(DeploymentTest, MinReadySecondsDelayAvailability) {
  loops.create("deployments", "web", [] {
    json object = workload("Deployment", "web", 1);
    object["spec"]["minReadySeconds"] = 10;
    return object;
  }());
  loops.settle();
  EXPECT_EQ(deployment()["status"]["readyReplicas"], 1);
  EXPECT_FALSE(deployment()["status"].contains("availableReplicas"));
  const Reconciled settled = loops.run();
  ASSERT_TRUE(settled.again_at);
  EXPECT_EQ(*settled.again_at, loops.clock.wall() + std::chrono::seconds(10));
  loops.clock.advance(std::chrono::seconds(10));
  loops.run();
  EXPECT_EQ(deployment()["status"]["availableReplicas"], 1);
}

TEST_F(DeploymentTest, TellsOfScalingInEvents) {
  deploy(3);
  EXPECT_THAT(loops.events("ScalingReplicaSet"), Contains(HasSubstr("from 0 to 3")));
}

TEST(DeploymentScaleOf, RoundsSurgeUpAndUnavailableDown) {
  json object = workload("Deployment", "web", 10);
  EXPECT_EQ(deployment_scale(object).max_surge, 3);
  EXPECT_EQ(deployment_scale(object).max_unavailable, 2);
  object["spec"]["strategy"]["rollingUpdate"] = {{"maxSurge", 1}, {"maxUnavailable", "10%"}};
  EXPECT_EQ(deployment_scale(object).max_surge, 1);
  EXPECT_EQ(deployment_scale(object).max_unavailable, 1);
  object["spec"]["strategy"]["rollingUpdate"] = {{"maxSurge", 0}, {"maxUnavailable", "0%"}};
  EXPECT_EQ(deployment_scale(object).max_unavailable, 1);
}

}  // namespace
}  // namespace labctl::controllers
