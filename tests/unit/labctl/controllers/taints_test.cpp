// Taints and what runs already: NoExecute, and the nodes of DaemonSets.

#include "labctl/controllers/scheduling/taints.hpp"

#include "labctl/controllers/scheduling/node_affinity.hpp"
#include "labctl/objects/fields.hpp"

#include "control_loop_fixture.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <set>
#include <string>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::text_at;
using std::chrono::seconds;
using ::testing::ElementsAre;

class TaintsTest : public ::testing::Test {
 protected:
  void taint(const std::string& node, const std::string& effect, const std::string& key = "broken") {
    loops.store.modify({"nodes", "", node}, [&](json& object) {
      object["spec"]["taints"].push_back({{"key", key}, {"effect", effect}});
    });
    loops.run();
  }
  void untaint(const std::string& node) {
    loops.store.modify({"nodes", "", node}, [](json& object) { object["spec"].erase("taints"); });
    loops.run();
  }
  // A pod on node-1.
  void make(const std::string& name, json tolerations = json::array()) {
    json pod = bare_pod();
    pod["spec"]["nodeName"] = "node-1";
    pod["spec"]["tolerations"] = std::move(tolerations);
    loops.create("pods", name, std::move(pod));
    loops.run();
  }
  bool is_ending(const std::string& pod) const { return objects::is_being_deleted(loops.get("pods", pod)); }
  ControlLoops loops;
};

json stays(std::int64_t for_seconds) {
  return {
      {"key", "broken"}, {"operator", "Exists"}, {"effect", "NoExecute"}, {"tolerationSeconds", for_seconds}};
}

TEST_F(TaintsTest, NoScheduleLeavesWhatRuns) {
  make("a");
  taint("node-1", "NoSchedule");
  EXPECT_FALSE(is_ending("a"));
}

TEST_F(TaintsTest, NoExecuteEndsWhatDoesNotTolerateIt) {
  make("a");
  make("b", {{{"operator", "Exists"}}});
  taint("node-1", "NoExecute");
  EXPECT_TRUE(is_ending("a"));
  EXPECT_FALSE(is_ending("b"));
  const json ended = loops.get("pods", "a");
  EXPECT_EQ(text_at(*objects::condition(ended, "DisruptionTarget"), "reason"), "DeletionByTaintManager");
  EXPECT_THAT(loops.events("TaintManagerEviction"), ElementsAre("Marking for deletion Pod default/a"));
}

TEST_F(TaintsTest, TolerationSecondsRunFromTheTaint) {
  make("a", json::array({stays(60)}));
  loops.clock.advance(seconds(100));
  taint("node-1", "NoExecute");
  EXPECT_FALSE(is_ending("a"));
  loops.clock.advance(seconds(59));
  EXPECT_EQ(loops.run().again_at, loops.clock.wall() + seconds(1));
  EXPECT_FALSE(is_ending("a"));
  loops.clock.advance(seconds(1));
  ASSERT_TRUE(loops.reconciler.has_work());
  loops.run();
  EXPECT_TRUE(is_ending("a"));
}

TEST_F(TaintsTest, TheLeastOfTheSecondsCounts) {
  json other = stays(5);
  other["key"] = "hot";
  make("a", json::array({stays(60), other}));
  taint("node-1", "NoExecute");
  loops.clock.advance(seconds(10));
  loops.run();
  EXPECT_FALSE(is_ending("a"));
  taint("node-1", "NoExecute", "hot");
  EXPECT_TRUE(is_ending("a"));
}

TEST_F(TaintsTest, ATaintThatGoesInTimeSpares) {
  make("a", json::array({stays(60)}));
  taint("node-1", "NoExecute");
  untaint("node-1");
  loops.clock.advance(seconds(60));
  EXPECT_FALSE(loops.run().again_at.has_value());
  EXPECT_FALSE(is_ending("a"));
  EXPECT_THAT(loops.events("TaintManagerEviction"), ElementsAre("Cancelling deletion of Pod default/a"));
}

TEST_F(TaintsTest, WhatComesToATaintedNodeByNameIsEndedToo) {
  taint("node-1", "NoExecute");
  make("a");
  loops.run();
  EXPECT_TRUE(is_ending("a"));
}

class DaemonTaintsTest : public TaintsTest {
 protected:
  void make_daemons(const std::string& toleration = "") {
    json object = workload("DaemonSet", "agent", 0);
    if (!toleration.empty()) {
      object["spec"]["template"]["spec"]["tolerations"] = {{{"key", toleration}, {"operator", "Exists"}}};
    }
    loops.create("daemonsets", "agent", std::move(object));
    loops.settle();
  }
  std::set<std::string> nodes() const {
    std::set<std::string> names;
    for (const auto& pod : loops.pods()) {
      names.insert(text_at(*pod, "spec.nodeName"));
    }
    return names;
  }
};

TEST_F(DaemonTaintsTest, ATaintedNodeHasNoneUnlessTolerated) {
  taint("node-2", "NoSchedule");
  make_daemons();
  EXPECT_THAT(nodes(), ElementsAre("node-1", "node-3"));
  untaint("node-2");
  loops.settle();
  EXPECT_THAT(nodes(), ElementsAre("node-1", "node-2", "node-3"));
}

TEST_F(DaemonTaintsTest, ATolerationBringsThemThere) {
  taint("node-2", "NoSchedule");
  make_daemons("broken");
  EXPECT_THAT(nodes(), ElementsAre("node-1", "node-2", "node-3"));
}

TEST_F(DaemonTaintsTest, WhatRunsStaysThroughNoScheduleOnly) {
  make_daemons();
  taint("node-1", "NoSchedule");
  loops.settle();
  EXPECT_THAT(nodes(), ElementsAre("node-1", "node-2", "node-3"));
  EXPECT_EQ(loops.get("daemonsets", "agent")["status"]["desiredNumberScheduled"], 2);
  EXPECT_EQ(loops.get("daemonsets", "agent")["status"]["numberMisscheduled"], 1);
  taint("node-2", "NoExecute");
  loops.settle();
  EXPECT_THAT(nodes(), ElementsAre("node-1", "node-3"));
}

TEST_F(DaemonTaintsTest, TheyCarryTheTolerationsOfDaemons) {
  loops.store.modify({"nodes", "", "node-1"}, [](json& node) { node["spec"]["unschedulable"] = true; });
  make_daemons();
  EXPECT_THAT(nodes(), ElementsAre("node-1", "node-2", "node-3"));
  const json pod = *loops.pods().front();
  EXPECT_EQ(pod["spec"]["tolerations"], daemon_tolerations(false));
  EXPECT_EQ(daemon_tolerations(false).size(), 6U);
  EXPECT_EQ(daemon_tolerations(true).back()["key"], "node.kubernetes.io/network-unavailable");
  EXPECT_EQ(node_named_in(pod), text_at(pod, "spec.nodeName"));
}

TEST_F(DaemonTaintsTest, ADaemonWithoutRoomSaysSoInTheSchedulersWords) {
  for (const char* name : {"a", "b"}) {
    json pod = bare_pod();
    pod["spec"]["nodeName"] = "node-1";
    pod["spec"]["containers"][0]["ports"] = {{{"containerPort", 80}, {"hostPort", *name == 'a' ? 80 : 81}}};
    loops.create("pods", name, pod);
  }
  json object = workload("DaemonSet", "agent", 0);
  object["spec"]["template"]["spec"]["containers"][0]["ports"] = {{{"containerPort", 80}, {"hostPort", 80}}};
  loops.create("daemonsets", "agent", object);
  loops.settle();
  EXPECT_THAT(
      loops.events("FailedScheduling"),
      ElementsAre("0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, "
                  "2 node(s) didn't satisfy plugin(s) [NodeAffinity]. preemption: 0/3 nodes are available: "
                  "1 No preemption victims found for incoming pod, "
                  "2 Preemption is not helpful for scheduling."));
  EXPECT_EQ(loops.get("daemonsets", "agent")["status"]["currentNumberScheduled"], 3);
}

}  // namespace
}  // namespace labctl::controllers
