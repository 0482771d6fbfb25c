// Thousands of pods that come and go, in turns: no turn does all, and in the end all is done as in one.

#include "labctl/controllers/workloads/workload.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/pod_course.hpp"
#include "topology/model/pod_capacity.hpp"

#include "control_loop_fixture.hpp"

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::delete_object;
using objects::is_being_deleted;
using objects::text_at;

// Every look at it takes a millisecond.
class TickingClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override {
    return std::chrono::steady_clock::time_point(std::chrono::milliseconds(++ticks_));
  }
  std::chrono::system_clock::time_point wall() const override {
    return std::chrono::system_clock::time_point(std::chrono::seconds(1136214245));
  }

 private:
  mutable std::int64_t ticks_ = 0;
};

class TurnTest : public ::testing::Test {
 protected:
  TurnTest() { sync_nodes(store, cluster); }
  bool turn() {
    reconciler.run(Turn(clock, std::chrono::milliseconds(20)));
    return reconciler.has_work();
  }
  // The most pods that came or were marked in one turn.
  std::size_t run_in_turns() {
    std::size_t most = 0;
    for (int turns = 0; turns < 1'000; ++turns) {
      const std::size_t before = marked() + store.count("pods");
      const bool goes_on = turn();
      const std::size_t after = marked() + store.count("pods");
      most = std::max(most, after > before ? after - before : before - after);
      if (!goes_on) {
        return most;
      }
    }
    ADD_FAILURE() << "never at rest";
    return most;
  }
  std::size_t marked() const {
    std::size_t count = 0;
    for (const store::ObjectPtr& pod : store.list("pods")) {
      count += is_being_deleted(*pod) ? 1 : 0;
    }
    return count;
  }
  // As a lab ends them.
  void end_pods() {
    for (const store::ObjectPtr& pod : store.list("pods")) {
      if (is_being_deleted(*pod)) {
        store.remove(key_in("pods", *pod));
      }
    }
  }

  TickingClock clock;
  model::Cluster cluster = cluster_of(4, 22);
  store::Store store{"test", clock};
  Reconciler reconciler{store, cluster, clock};
};

TEST_F(TurnTest, ManyPodsComeInManyTurns) {
  store.create({"deployments", "default", "web"}, workload("Deployment", "web", 1'000));
  const std::size_t most = run_in_turns();
  EXPECT_LE(most, 300U);
  const auto pods = store.list("pods");
  EXPECT_EQ(pods.size(), 1'000U);
  EXPECT_TRUE(
      std::all_of(pods.begin(), pods.end(), [](const auto& pod) { return objects::lives_on_node(*pod); }));
}

TEST_F(TurnTest, ManyPodsOfASetComeInManyTurns) {
  json set = workload("StatefulSet", "web", 500);
  set["spec"]["podManagementPolicy"] = "Parallel";
  store.create({"statefulsets", "default", "web"}, set);
  EXPECT_LE(run_in_turns(), 300U);
  EXPECT_EQ(store.list("pods").size(), 500U);
}

TEST_F(TurnTest, ANamespaceOfManyPodsGoesInManyTurnsAndNoneIsMadeAgain) {
  store.create({"namespaces", "", "shop"}, {{"kind", "Namespace"}, {"apiVersion", "v1"}});
  store.create({"deployments", "shop", "web"}, workload("Deployment", "web", 600));
  run_in_turns();
  delete_object(store, {"namespaces", "", "shop"});
  EXPECT_LE(run_in_turns(), 300U);
  EXPECT_EQ(store.count("pods"), 600U);
  EXPECT_EQ(marked(), 600U);
  end_pods();
  run_in_turns();
  EXPECT_EQ(store.find({"namespaces", "", "shop"}), nullptr);
  EXPECT_EQ(store.count("pods"), 0U);
}

TEST_F(TurnTest, OrphansOfManyPodsGoInManyTurns) {
  store.create({"replicasets", "default", "web"}, workload("ReplicaSet", "web", 600));
  run_in_turns();
  delete_object(store, {"replicasets", "default", "web"});
  EXPECT_LE(run_in_turns(), 300U);
  EXPECT_EQ(marked(), 600U);
}

TEST_F(TurnTest, ScalingDownByManyGoesInManyTurns) {
  store.create({"replicasets", "default", "web"}, workload("ReplicaSet", "web", 800));
  run_in_turns();
  store.modify({"replicasets", "default", "web"}, [](json& set) { set["spec"]["replicas"] = 10; });
  EXPECT_LE(run_in_turns(), 500U);
  EXPECT_EQ(marked(), 790U);
}

// ---- The bound of a lab ----------------------------------------------------------------------------

TEST(PodsOfALab, MoreThanItsBoundAreNotMade) {
  FakeClock clock;
  store::Store store("test", clock);
  const model::Cluster cluster = cluster_of(1);
  for (std::size_t i = 0; i < model::kPodsPerLab; ++i) {
    store.create({"pods", "default", "p" + std::to_string(i)}, json::object());
  }
  const json set = *store.create({"replicasets", "default", "web"}, workload("ReplicaSet", "web", 2));
  const PodIndex index(store);
  Work work{store, cluster, index, clock.wall(), std::nullopt};
  EXPECT_FALSE(may_make_pod(work, set, "replicaset-controller"));
  EXPECT_TRUE(work.again_at.has_value());
  const auto events = store.list("events");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(text_at(*events.front(), "reason"), "FailedCreate");
  EXPECT_NE(text_at(*events.front(), "message").find("20000"), std::string::npos);
  store.remove({"pods", "default", "p0"});
  EXPECT_TRUE(may_make_pod(work, set, "replicaset-controller"));
}

}  // namespace
}  // namespace labctl::controllers
