#include "labctl/controllers/garbage.hpp"

#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"

#include "control_loop_fixture.hpp"

namespace labctl::controllers {
namespace {

using nlohmann::json;

json owned_by(const std::vector<store::ObjectPtr>& owners) {
  json object = bare_pod("owned");
  for (const auto& owner : owners) {
    json reference = objects::owner_reference(*owner);
    reference.erase("controller");
    object["metadata"]["ownerReferences"].push_back(std::move(reference));
  }
  return object;
}

TEST(Garbage, GoesWithItsLastOwner) {
  ControlLoops loops;
  const auto one = loops.create("configmaps", "one", {{"kind", "ConfigMap"}, {"apiVersion", "v1"}});
  const auto two = loops.create("configmaps", "two", {{"kind", "ConfigMap"}, {"apiVersion", "v1"}});
  loops.create("pods", "a", owned_by({one, two}));
  loops.run();
  loops.store.remove({"configmaps", "default", "one"});
  loops.settle();
  EXPECT_EQ(loops.get("pods", "a")["metadata"]["ownerReferences"].size(), 1U);
  loops.store.remove({"configmaps", "default", "two"});
  loops.settle();
  EXPECT_TRUE(loops.pods().empty());
}

TEST(Garbage, WhatComesAfterItsOwnerWentIsCollected) {
  ControlLoops loops;
  const auto owner = loops.create("configmaps", "one", {{"kind", "ConfigMap"}, {"apiVersion", "v1"}});
  loops.store.remove({"configmaps", "default", "one"});
  loops.create("pods", "a", owned_by({owner}));
  loops.settle();
  EXPECT_TRUE(loops.pods().empty());
}

TEST(Garbage, AnOwnerMadeAgainIsAnotherOwner) {
  ControlLoops loops;
  const auto owner = loops.create("configmaps", "one", {{"kind", "ConfigMap"}, {"apiVersion", "v1"}});
  loops.create("pods", "a", owned_by({owner}));
  loops.store.remove({"configmaps", "default", "one"});
  loops.create("configmaps", "one", {{"kind", "ConfigMap"}, {"apiVersion", "v1"}});
  loops.settle();
  EXPECT_TRUE(loops.pods().empty());
}

TEST(Garbage, ARestoredOwnerKeepsWhatItOwns) {
  ControlLoops loops;
  loops.create("deployments", "web", workload("Deployment", "web", 2));
  loops.settle();
  const auto names = loops.pod_names();
  const store::Store::Snapshot snapshot = loops.store.snapshot();
  loops.store.remove({"deployments", "default", "web"});
  loops.store.restore(snapshot);
  loops.settle();
  EXPECT_EQ(loops.pod_names(), names);
}

json held(const char* finalizer) {
  return {{"kind", "ConfigMap"}, {"apiVersion", "v1"}, {"metadata", {{"finalizers", {finalizer}}}}};
}

TEST(Garbage, WhatHasFinalizersGoesWithTheLastOfThem) {
  ControlLoops loops;
  const store::Key key{"configmaps", "default", "one"};
  loops.create("configmaps", "one", held("example.com/hold"));
  objects::delete_object(loops.store, key);
  loops.settle();
  ASSERT_NE(loops.store.find(key), nullptr);
  EXPECT_TRUE(objects::is_being_deleted(*loops.store.find(key)));
  loops.edit("configmaps", "one", [](json& object) { objects::drop_finalizer(object, "example.com/hold"); });
  loops.settle();
  EXPECT_EQ(loops.store.find(key), nullptr);
}

TEST(Garbage, ANamespaceWaitsForTheFinalizersInIt) {
  ControlLoops loops;
  const store::Key shop{"namespaces", "", "shop"};
  const store::Key inside{"configmaps", "shop", "one"};
  loops.store.create(shop, {{"kind", "Namespace"}, {"apiVersion", "v1"}, {"spec", json::object()}});
  loops.store.create(inside, held("example.com/hold"));
  objects::delete_object(loops.store, shop);
  loops.settle();
  EXPECT_NE(loops.store.find(shop), nullptr);
  loops.store.modify(inside, [](json& object) { objects::drop_finalizer(object, "example.com/hold"); });
  loops.settle();
  EXPECT_EQ(loops.store.find(shop), nullptr);
}

TEST(Garbage, InTheForegroundTheOwnerGoesLast) {
  ControlLoops loops;
  loops.create("deployments", "web", workload("Deployment", "web", 2));
  loops.settle();
  objects::DeleteOptions options;
  options.waits_for_dependents = true;
  objects::delete_object(loops.store, {"deployments", "default", "web"}, options);
  loops.run();
  const store::ObjectPtr owner = loops.store.find({"deployments", "default", "web"});
  ASSERT_NE(owner, nullptr);
  EXPECT_TRUE(objects::has_finalizer(*owner, objects::kForegroundDeletion));
  for (const store::ObjectPtr& pod : loops.pods()) {
    EXPECT_TRUE(objects::is_being_deleted(*pod)) << objects::name_of(*pod);
  }
  loops.settle();
  EXPECT_EQ(loops.store.find({"deployments", "default", "web"}), nullptr);
  EXPECT_TRUE(loops.store.list("replicasets").empty());
  EXPECT_TRUE(loops.pods().empty());
}

TEST(Garbage, InTheForegroundAnOwnerWithNothingGoesAtOnce) {
  ControlLoops loops;
  loops.create("configmaps", "one", {{"kind", "ConfigMap"}, {"apiVersion", "v1"}});
  objects::DeleteOptions options;
  options.waits_for_dependents = true;
  objects::delete_object(loops.store, {"configmaps", "default", "one"}, options);
  EXPECT_EQ(loops.store.find({"configmaps", "default", "one"}), nullptr);
}

}  // namespace
}  // namespace labctl::controllers
