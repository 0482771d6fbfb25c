#include "labctl/controllers/budgets.hpp"

#include "control_loop_fixture.hpp"

#include <gtest/gtest.h>

namespace labctl::controllers {
namespace {

using nlohmann::json;

class BudgetsTest : public testing::Test {
 protected:
  // The status of a budget with this spec, of the pods of `web`.
  json budget(const json& spec) {
    json object{{"apiVersion", "policy/v1"},
                {"kind", "PodDisruptionBudget"},
                {"metadata", {{"name", "web"}, {"namespace", "default"}}},
                {"spec", spec}};
    object["spec"]["selector"] = {{"matchLabels", {{"app", "web"}}}};
    loops.create("poddisruptionbudgets", "web", object);
    loops.settle();
    return status();
  }
  json status() const { return loops.get("poddisruptionbudgets", "web")["status"]; }
  void deploy(int replicas) {
    loops.create("deployments", "web", workload("Deployment", "web", replicas));
    loops.settle();
  }

  ControlLoops loops;
};

TEST_F(BudgetsTest, CountWhatIsHealthyAndMayGo) {
  deploy(4);
  const json seen = budget({{"minAvailable", 3}});
  EXPECT_EQ(seen["currentHealthy"], 4);
  EXPECT_EQ(seen["desiredHealthy"], 3);
  EXPECT_EQ(seen["expectedPods"], 4);
  EXPECT_EQ(seen["disruptionsAllowed"], 1);
  EXPECT_EQ(seen["conditions"][0]["reason"], "SufficientPods");
}

TEST_F(BudgetsTest, FollowPodsAndWorkloads) {
  deploy(4);
  budget({{"maxUnavailable", "25%"}});
  EXPECT_EQ(status()["disruptionsAllowed"], 1);
  loops.make_ready(loops.pod_names().front(), false);
  loops.run();
  EXPECT_EQ(status()["currentHealthy"], 3);
  EXPECT_EQ(status()["disruptionsAllowed"], 0);
  EXPECT_EQ(status()["conditions"][0]["status"], "False");
  loops.make_ready(loops.pod_names().front());
  loops.scale("deployments", "web", 8);
  loops.settle();
  EXPECT_EQ(status()["expectedPods"], 8);
  EXPECT_EQ(status()["desiredHealthy"], 6);
  EXPECT_EQ(status()["disruptionsAllowed"], 2);
}

TEST_F(BudgetsTest, AShareOfPodsThatNothingScalesIsNotKnown) {
  loops.create("pods", "web", bare_pod());
  loops.settle();
  const json seen = budget({{"minAvailable", "50%"}});
  EXPECT_EQ(seen["disruptionsAllowed"], 0);
  EXPECT_EQ(seen["conditions"][0]["reason"], "SyncFailed");
  EXPECT_EQ(seen["conditions"][0]["message"], "found no controller ref for pod \"web\"");
}

TEST_F(BudgetsTest, AScalerShowsItsTargetsReplicasAndThatItSeesNoMetrics) {
  deploy(3);
  loops.create(
      "horizontalpodautoscalers", "web",
      {{"apiVersion", "autoscaling/v2"},
       {"kind", "HorizontalPodAutoscaler"},
       {"metadata", {{"name", "web"}, {"namespace", "default"}}},
       {"spec", {{"scaleTargetRef", {{"kind", "Deployment"}, {"name", "web"}}}, {"maxReplicas", 9}}}});
  loops.settle();
  const auto seen = [&] { return loops.get("horizontalpodautoscalers", "web")["status"]; };
  EXPECT_EQ(seen()["currentReplicas"], 3);
  EXPECT_EQ(seen()["conditions"][1]["type"], "ScalingActive");
  EXPECT_EQ(seen()["conditions"][1]["status"], "False");
  loops.scale("deployments", "web", 5);
  loops.settle();
  EXPECT_EQ(seen()["desiredReplicas"], 5);
}

}  // namespace
}  // namespace labctl::controllers
