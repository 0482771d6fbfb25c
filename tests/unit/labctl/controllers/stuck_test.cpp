#include "labctl/controllers/stuck.hpp"

#include "labctl/controllers/load_balancer.hpp"
#include "labctl/controllers/workloads/workload.hpp"
#include "labctl/objects/deletion.hpp"

#include "control_loop_fixture.hpp"

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::delete_object;

class StuckTest : public ::testing::Test {
 protected:
  static store::Key pod(const std::string& name) { return {"pods", "default", name}; }
  void hold_all(objects::PodHold hold) {
    for (const store::ObjectPtr& one : loops.pods()) {
      held[key_in("pods", *one)] = {one->at("metadata").at("uid"), hold};
    }
  }
  std::string text() const { return to_text(find_stuck(loops.store, held)); }

  ControlLoops loops;
  std::map<store::Key, HeldPod> held;
};

TEST_F(StuckTest, NothingIsStuckInALabAtRest) {
  loops.create("deployments", "web", workload("Deployment", "web", 3));
  loops.create("statefulsets", "db", workload("StatefulSet", "db", 2));
  loops.create("daemonsets", "agent", workload("DaemonSet", "agent", 1));
  loops.settle();
  hold_all(objects::PodHold::Living);
  EXPECT_EQ(text(), "");
}

TEST_F(StuckTest, APodWithoutRoomHasAReason) {
  loops.create("pods", "a", bare_pod());
  loops.edit("pods", "a", [](json& object) { object["spec"]["nodeName"] = "nowhere"; });
  loops.run();
  EXPECT_EQ(text(), "");
}

TEST_F(StuckTest, ADeletedPodThatNobodyHoldsIsStuck) {
  loops.create("pods", "a", bare_pod());
  loops.run();
  delete_object(loops.store, pod("a"));
  EXPECT_EQ(text(), "pods/default/a: is being deleted, and is held by nobody\n");
  held[pod("a")] = {loops.get("pods", "a")["metadata"]["uid"], objects::PodHold::Stopping};
  EXPECT_EQ(text(), "");
}

TEST_F(StuckTest, APlacedPodThatNobodyTookInIsStuck) {
  loops.create("pods", "a", bare_pod());
  loops.run();
  EXPECT_EQ(text(), "pods/default/a: is to run, and is held by nobody\n");
}

TEST_F(StuckTest, WhatIsHeldOfAPodThatWentIsStuckUnlessItStops) {
  held[pod("a")] = {"uid", objects::PodHold::Living};
  EXPECT_EQ(text(), "pods/default/a: its object has gone, and it is living\n");
  held[pod("a")].hold = objects::PodHold::Stopping;
  EXPECT_EQ(text(), "");
}

TEST_F(StuckTest, APodUnderTheNameOfOneThatRunsIsStuck) {
  loops.create("pods", "a", bare_pod());
  loops.run();
  held[pod("a")] = {"another", objects::PodHold::Living};
  EXPECT_EQ(text(), "pods/default/a: has the name of another, and is living\n");
}

TEST_F(StuckTest, ANamespaceIsStuckWhenItIsEmptyOrSomethingStays) {
  loops.store.create({"namespaces", "", "shop"}, {{"kind", "Namespace"}, {"apiVersion", "v1"}});
  loops.run();
  loops.store.create({"configmaps", "shop", "a"}, {{"kind", "ConfigMap"}});
  for (const store::Key& its : {store::Key{"configmaps", "shop", "kube-root-ca.crt"},
                                store::Key{"serviceaccounts", "shop", "default"}}) {
    loops.store.remove(its);
  }
  delete_object(loops.store, {"namespaces", "", "shop"});
  EXPECT_EQ(text(), "namespaces/shop: is being deleted, and nobody deletes configmaps/shop/a\n");
  loops.store.remove({"configmaps", "shop", "a"});
  EXPECT_EQ(text(), "namespaces/shop: is being deleted, and is empty\n");
  loops.run();
  EXPECT_EQ(text(), "");
}

TEST_F(StuckTest, AServiceBeingDeletedIsStuckWithItsFinalizer) {
  json service{{"apiVersion", "v1"},
               {"kind", "Service"},
               {"metadata", {{"finalizers", {std::string(objects::kBalancerFinalizer)}}}},
               {"spec", {{"type", "LoadBalancer"}}}};
  loops.create("services", "web", service);
  delete_object(loops.store, {"services", "default", "web"});
  EXPECT_EQ(text(), "services/default/web: is being deleted, and nobody holds it\n");
}

TEST_F(StuckTest, SetsWithoutTheirPodsAreStuck) {
  loops.create("replicasets", "web", workload("ReplicaSet", "web", 2));
  loops.create("statefulsets", "db", workload("StatefulSet", "db", 1));
  EXPECT_EQ(text(), "replicasets/default/web: has 0 pods of 2\nstatefulsets/default/db: nobody makes db-0\n");
}

TEST_F(StuckTest, AnOrderedSetMayWaitForAPod) {
  loops.create("statefulsets", "db", workload("StatefulSet", "db", 3));
  loops.run();
  hold_all(objects::PodHold::Living);
  EXPECT_EQ(text(), "");  // db-0 is not ready yet
}

TEST_F(StuckTest, GarbageThatNobodyCollectsIsStuck) {
  json orphan = bare_pod();
  orphan["metadata"]["ownerReferences"] =
      json::array({{{"uid", "gone"}, {"kind", "ReplicaSet"}, {"name", "x"}}});
  loops.create("pods", "a", orphan);
  EXPECT_NE(text().find("pods/default/a: its owners are gone\n"), std::string::npos);
  loops.run();
  EXPECT_EQ(text(), "");
}

}  // namespace
}  // namespace labctl::controllers
