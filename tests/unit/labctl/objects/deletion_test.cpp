#include "labctl/objects/deletion.hpp"

#include "labctl/objects/fields.hpp"
#include "topology/base/error.hpp"

#include "tests/unit/labctl/controllers/control_loop_fixture.hpp"

namespace labctl::objects {
namespace {

using controllers::bare_pod;
using controllers::workload;
using nlohmann::json;

class DeletionTest : public ::testing::Test {
 protected:
  store::Key key{"pods", "default", "a"};
  controllers::ControlLoops loops;
};

TEST_F(DeletionTest, APlacedPodIsMarkedWithItsGrace) {
  loops.create("pods", "a", bare_pod());
  loops.run();
  delete_object(loops.store, key);
  const json pod = loops.get("pods", "a");
  EXPECT_EQ(pod["metadata"]["deletionGracePeriodSeconds"], 30);
  EXPECT_EQ(pod["metadata"]["deletionTimestamp"], "2006-01-02T15:04:35Z");
}

TEST_F(DeletionTest, TheGraceIsThePodsOrTheCallers) {
  json pod = bare_pod();
  pod["spec"]["terminationGracePeriodSeconds"] = 5;
  loops.create("pods", "a", pod);
  loops.create("pods", "b", pod);
  loops.run();
  delete_object(loops.store, key);
  delete_object(loops.store, {"pods", "default", "b"}, {std::chrono::seconds(0), false});
  EXPECT_EQ(loops.get("pods", "a")["metadata"]["deletionGracePeriodSeconds"], 5);
  EXPECT_EQ(loops.get("pods", "b")["metadata"]["deletionGracePeriodSeconds"], 0);
}

TEST_F(DeletionTest, ASecondDeletionOnlyShortensTheGrace) {
  loops.create("pods", "a", bare_pod());
  loops.run();
  delete_object(loops.store, key, {std::chrono::seconds(10), false});
  delete_object(loops.store, key);
  EXPECT_EQ(loops.get("pods", "a")["metadata"]["deletionGracePeriodSeconds"], 10);
  delete_object(loops.store, key, {std::chrono::seconds(0), false});
  EXPECT_EQ(loops.get("pods", "a")["metadata"]["deletionGracePeriodSeconds"], 0);
}

TEST_F(DeletionTest, APodWithoutAPlaceGoesAtOnce) {
  loops.create("pods", "a", bare_pod());
  delete_object(loops.store, key);
  EXPECT_EQ(loops.store.find(key), nullptr);
}

TEST_F(DeletionTest, AFinishedPodGoesAtOnce) {
  loops.create("pods", "a", bare_pod());
  loops.run();
  loops.finish("a", "Succeeded");
  delete_object(loops.store, key);
  EXPECT_EQ(loops.store.find(key), nullptr);
}

TEST_F(DeletionTest, AnAbsentObjectIsNotFound) { EXPECT_THROW(delete_object(loops.store, key), Error); }

TEST_F(DeletionTest, OrphanedDependentsStay) {
  loops.create("replicasets", "web", workload("ReplicaSet", "web", 2));
  loops.settle();
  delete_object(loops.store, {"replicasets", "default", "web"}, {std::nullopt, true});
  loops.settle();
  EXPECT_EQ(loops.pods().size(), 2U);
  EXPECT_FALSE(loops.pods().front()->at("metadata").contains("ownerReferences"));
}

TEST_F(DeletionTest, ANamespaceTakesEverythingWithIt) {
  loops.store.create({"namespaces", "", "shop"}, {{"kind", "Namespace"}, {"apiVersion", "v1"}});
  json object = workload("Deployment", "web", 2);
  loops.store.create({"deployments", "shop", "web"}, object);
  loops.store.create({"configmaps", "shop", "settings"}, {{"kind", "ConfigMap"}});
  loops.run();
  ASSERT_EQ(loops.store.list("pods", "shop").size(), 2U);

  delete_object(loops.store, {"namespaces", "", "shop"});
  loops.run();
  EXPECT_EQ(text_at(*loops.store.get({"namespaces", "", "shop"}), "status.phase"), "Terminating");
  EXPECT_EQ(loops.store.list("deployments", "shop").size(), 0U);
  for (const auto& pod : loops.store.list("pods", "shop")) {
    EXPECT_TRUE(is_being_deleted(*pod));
  }
  loops.remove_deleted();
  loops.run();
  EXPECT_EQ(loops.store.find({"namespaces", "", "shop"}), nullptr);
  EXPECT_TRUE(loops.store.keys_in_namespace("shop").empty());
}

TEST_F(DeletionTest, APodWithAFinalizerIsMarkedAlsoWithoutAPlace) {
  json pod = bare_pod();
  pod["metadata"]["finalizers"] = {"example.com/hold"};
  loops.create("pods", "a", pod);
  delete_object(loops.store, key);
  ASSERT_NE(loops.store.find(key), nullptr);
  EXPECT_TRUE(is_being_deleted(*loops.store.find(key)));
  EXPECT_EQ(loops.get("pods", "a")["metadata"]["deletionGracePeriodSeconds"], 0);
}

TEST_F(DeletionTest, FinalizersAreTakenAwayOneByOne) {
  json pod = bare_pod();
  pod["metadata"]["finalizers"] = {"a.example/x", "b.example/y"};
  EXPECT_FALSE(drop_finalizer(pod, "c.example/z"));
  EXPECT_TRUE(drop_finalizer(pod, "a.example/x"));
  EXPECT_TRUE(has_finalizers(pod));
  EXPECT_TRUE(drop_finalizer(pod, "b.example/y"));
  EXPECT_FALSE(has_finalizers(pod));
  EXPECT_FALSE(pod["metadata"].contains("finalizers"));
}

}  // namespace
}  // namespace labctl::objects
