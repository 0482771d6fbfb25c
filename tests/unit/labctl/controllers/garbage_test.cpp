#include "labctl/controllers/garbage.hpp"

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

}  // namespace
}  // namespace labctl::controllers
