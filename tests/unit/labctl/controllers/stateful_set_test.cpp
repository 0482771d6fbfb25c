#include "labctl/controllers/workloads/stateful_set.hpp"

#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"

#include "control_loop_fixture.hpp"

#include <gmock/gmock.h>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::controller_of;
using objects::is_being_deleted;
using objects::uid_of;
using ::testing::ElementsAre;

class StatefulSetTest : public ::testing::Test {
 protected:
  void make(int replicas, const std::function<void(json&)>& edit = {}) {
    json object = workload("StatefulSet", "db", replicas);
    object["spec"]["serviceName"] = "db";
    if (edit) {
      edit(object);
    }
    loops.create("statefulsets", "db", std::move(object));
  }
  std::string image(const std::string& pod) const {
    return loops.get("pods", pod)["spec"]["containers"][0]["image"].get<std::string>();
  }
  json status() const { return loops.get("statefulsets", "db")["status"]; }
  static void parallel(json& object) { object["spec"]["podManagementPolicy"] = "Parallel"; }
  ControlLoops loops;
};

TEST_F(StatefulSetTest, PodsHaveStableNamesHostnamesAndLabels) {
  make(2);
  loops.settle();
  EXPECT_THAT(loops.pod_names(), ElementsAre("db-0", "db-1"));
  const json pod = loops.get("pods", "db-1");
  EXPECT_EQ(pod["spec"]["hostname"], "db-1");
  EXPECT_EQ(pod["spec"]["subdomain"], "db");
  EXPECT_EQ(pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"], "db-1");
  EXPECT_EQ(pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"], "1");
}

TEST_F(StatefulSetTest, OrderedReadyMakesOnePodAfterTheOther) {
  make(3);
  loops.run();
  EXPECT_THAT(loops.pod_names(), ElementsAre("db-0"));
  loops.make_ready("db-0");
  loops.run();
  EXPECT_THAT(loops.pod_names(), ElementsAre("db-0", "db-1"));
  loops.run();
  EXPECT_EQ(loops.pods().size(), 2U);
}

// ---- Claims that are deleted ---------------------------------------------------------------------

class ClaimOfASet : public StatefulSetTest {
 protected:
  ClaimOfASet() {
    make(1, [](json& object) {
      object["spec"]["volumeClaimTemplates"] = {
          {{"metadata", {{"name", "data"}}},
           {"spec",
            {{"accessModes", {"ReadWriteOnce"}}, {"resources", {{"requests", {{"storage", "1Gi"}}}}}}}}};
    });
    loops.settle();
  }
  const store::Key key{"persistentvolumeclaims", "default", "data-db-0"};
};

TEST_F(ClaimOfASet, IsMadeAnewOnceItsPodHasGone) {
  const std::string uid = uid_of(*loops.store.get(key));
  objects::delete_object(loops.store, key);
  loops.settle();
  EXPECT_TRUE(is_being_deleted(*loops.store.get(key)));
  loops.store.remove({"pods", "default", "db-0"});
  loops.settle();
  EXPECT_NE(uid_of(*loops.store.get(key)), uid);
  EXPECT_FALSE(is_being_deleted(*loops.store.get(key)));
  EXPECT_THAT(loops.pod_names(), ElementsAre("db-0"));
}

TEST_F(ClaimOfASet, HoldsThePodBackWhileAnotherUsesIt) {
  json other = bare_pod();
  other["spec"]["volumes"] = {{{"name", "d"}, {"persistentVolumeClaim", {{"claimName", "data-db-0"}}}}};
  loops.create("pods", "backup", other);
  loops.settle();
  objects::delete_object(loops.store, key);
  loops.store.remove({"pods", "default", "db-0"});
  loops.run();
  EXPECT_THAT(loops.pod_names(), ElementsAre("backup"));
  EXPECT_THAT(
      loops.events("FailedCreate"),
      ElementsAre("create Pod db-0 in StatefulSet db failed error: failed to create PVC data-db-0: pvc "
                  "data-db-0 is being deleted"));
  loops.store.remove({"pods", "default", "backup"});
  loops.clock.advance(std::chrono::seconds(5));
  loops.settle();
  EXPECT_THAT(loops.pod_names(), ElementsAre("db-0"));
}

TEST_F(StatefulSetTest, ParallelMakesAllAtOnce) {
  make(3, parallel);
  loops.run();
  EXPECT_THAT(loops.pod_names(), ElementsAre("db-0", "db-1", "db-2"));
}

TEST_F(StatefulSetTest, OrdinalsMayStartElsewhere) {
  make(2, [](json& object) { object["spec"]["ordinals"]["start"] = 5; });
  loops.settle();
  EXPECT_THAT(loops.pod_names(), ElementsAre("db-5", "db-6"));
}

TEST_F(StatefulSetTest, ADeletedPodComesBackUnderItsNameWhenItHasGone) {
  make(2);
  loops.settle();
  const std::string uid = uid_of(loops.get("pods", "db-0"));
  loops.edit("pods", "db-0",
             [](json& pod) { pod["metadata"]["deletionTimestamp"] = "2006-01-02T15:04:05Z"; });
  loops.run();
  EXPECT_EQ(uid_of(loops.get("pods", "db-0")), uid);
  loops.settle();
  EXPECT_NE(uid_of(loops.get("pods", "db-0")), uid);
  EXPECT_EQ(loops.pods().size(), 2U);
}

TEST_F(StatefulSetTest, ScalingDownGoesFromTheTopOneByOne) {
  make(4);
  loops.settle();
  loops.scale("statefulsets", "db", 1);
  loops.run();
  EXPECT_TRUE(is_being_deleted(loops.get("pods", "db-3")));
  EXPECT_FALSE(is_being_deleted(loops.get("pods", "db-2")));
  loops.remove_deleted();
  loops.run();
  EXPECT_TRUE(is_being_deleted(loops.get("pods", "db-2")));
  loops.settle();
  EXPECT_THAT(loops.pod_names(), ElementsAre("db-0"));
}

TEST_F(StatefulSetTest, ScalingDownInParallelTakesAllAtOnce) {
  make(4, parallel);
  loops.settle();
  loops.scale("statefulsets", "db", 1);
  loops.run();
  EXPECT_EQ(loops.active(), 1U);
}

TEST_F(StatefulSetTest, ARollingUpdateGoesInReverseOneAfterTheOther) {
  make(3);
  loops.settle();
  loops.set_image("statefulsets", "db", "app:2");
  std::vector<std::string> seen;
  loops.settle([&] {
    std::string images;
    for (const auto& pod : loops.pods()) {
      images += is_being_deleted(*pod) ? 'x' : image(objects::name_of(*pod)).back();
    }
    if (seen.empty() || seen.back() != images) {
      seen.push_back(images);
    }
  });
  EXPECT_THAT(seen, ElementsAre("11x", "112", "1x2", "122", "x22", "222"));
  EXPECT_EQ(status()["currentRevision"], status()["updateRevision"]);
}

TEST_F(StatefulSetTest, APartitionHoldsTheLowerPodsBack) {
  make(3, [](json& object) { object["spec"]["updateStrategy"]["rollingUpdate"]["partition"] = 2; });
  loops.settle();
  loops.set_image("statefulsets", "db", "app:2");
  loops.settle();
  EXPECT_EQ(image("db-2"), "app:2");
  EXPECT_EQ(image("db-1"), "app:1");
  EXPECT_NE(status()["currentRevision"], status()["updateRevision"]);
  EXPECT_EQ(status()["updatedReplicas"], 1);
  // A pod below the partition that goes is made of the old template again.
  loops.store.remove({"pods", "default", "db-0"});
  loops.settle();
  EXPECT_EQ(image("db-0"), "app:1");
}

TEST_F(StatefulSetTest, OnDeleteLeavesPodsUntilTheyGo) {
  make(2, [](json& object) { object["spec"]["updateStrategy"]["type"] = "OnDelete"; });
  loops.settle();
  loops.set_image("statefulsets", "db", "app:2");
  loops.settle();
  EXPECT_EQ(image("db-0"), "app:1");
  loops.store.remove({"pods", "default", "db-0"});
  loops.settle();
  EXPECT_EQ(image("db-0"), "app:2");
  EXPECT_EQ(image("db-1"), "app:1");
}

TEST_F(StatefulSetTest, ReportsCounts) {
  make(3);
  loops.settle();
  EXPECT_EQ(status()["replicas"], 3);
  EXPECT_EQ(status()["readyReplicas"], 3);
  EXPECT_EQ(status()["currentReplicas"], 3);
  EXPECT_EQ(status()["updatedReplicas"], 3);
}

TEST_F(StatefulSetTest, APodOfItsNameThatIsNotItsOwnIsWaitedFor) {
  loops.create("pods", "db-0", bare_pod("other"));
  make(1);
  loops.run();
  EXPECT_EQ(loops.pods().size(), 1U);
  EXPECT_FALSE(loops.events("FailedCreate").empty());
  loops.store.remove({"pods", "default", "db-0"});
  loops.settle();
  EXPECT_NE(controller_of(loops.get("pods", "db-0")), nullptr);
}

TEST_F(StatefulSetTest, TakesInOnlyPodsOfItsNames) {
  make(1);
  loops.settle();
  loops.create("pods", "stray", bare_pod("db"));
  loops.settle();
  EXPECT_EQ(controller_of(loops.get("pods", "stray")), nullptr);
}

TEST_F(StatefulSetTest, DeletingItTakesPodsAndRevisions) {
  make(2);
  loops.settle();
  EXPECT_EQ(loops.store.count("controllerrevisions"), 1U);
  loops.store.remove({"statefulsets", "default", "db"});
  loops.settle();
  EXPECT_TRUE(loops.pods().empty());
  EXPECT_EQ(loops.store.count("controllerrevisions"), 0U);
}

}  // namespace
}  // namespace labctl::controllers
