#include "labctl/controllers/pods/scheduler.hpp"

#include "labctl/objects/fields.hpp"

#include "control_loop_fixture.hpp"

#include <gmock/gmock.h>

#include <map>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::condition;
using objects::text_at;
using ::testing::HasSubstr;

class SchedulerTest : public ::testing::Test {
 protected:
  std::string node_of(const std::string& pod) const {
    return text_at(loops.get("pods", pod), "spec.nodeName");
  }
  std::string refusal(const std::string& pod) const {
    const json object = loops.get("pods", pod);
    const json* scheduled = condition(object, "PodScheduled");
    return scheduled == nullptr ? "" : text_at(*scheduled, "reason") + ": " + text_at(*scheduled, "message");
  }
  ControlLoops loops;
};

TEST_F(SchedulerTest, SpreadsPodsInTheOrderOfTheNodes) {
  for (const char* name : {"a", "b", "c", "d"}) {
    loops.create("pods", name, bare_pod());
  }
  loops.run();
  EXPECT_EQ(node_of("a"), "node-1");
  EXPECT_EQ(node_of("b"), "node-2");
  EXPECT_EQ(node_of("c"), "node-3");
  EXPECT_EQ(node_of("d"), "node-1");
}

TEST_F(SchedulerTest, PodsMadeFirstArePlacedFirst) {
  loops.create("pods", "z", bare_pod());
  loops.create("pods", "a", bare_pod());
  loops.run();
  EXPECT_EQ(node_of("z"), "node-1");
  EXPECT_EQ(node_of("a"), "node-2");
}

TEST_F(SchedulerTest, NodeTenComesAfterNodeNine) {
  ControlLoops many(cluster_of(11));
  for (int i = 0; i < 11; ++i) {
    many.create("pods", std::string(1, static_cast<char>('a' + i)), bare_pod());
  }
  many.run();
  EXPECT_EQ(text_at(many.get("pods", "b"), "spec.nodeName"), "node-2");
  EXPECT_EQ(text_at(many.get("pods", "j"), "spec.nodeName"), "node-10");
}

TEST_F(SchedulerTest, ANodeNameIsTakenAsItIs) {
  json pod = bare_pod();
  pod["spec"]["nodeName"] = "node-3";
  loops.create("pods", "a", pod);
  loops.run();
  EXPECT_EQ(node_of("a"), "node-3");
  EXPECT_EQ(text_at(loops.get("pods", "a"), "status.podIP"), "10.244.3.2");
}

TEST_F(SchedulerTest, AnUnknownNodeNameIsSaid) {
  json pod = bare_pod();
  pod["spec"]["nodeName"] = "node-9";
  loops.create("pods", "a", pod);
  loops.run();
  EXPECT_EQ(refusal("a"), "Unschedulable: node \"node-9\" not found");
}

TEST_F(SchedulerTest, ANodeSelectorIsKept) {
  loops.store.modify({"nodes", "", "node-2"}, [](json& node) { node["metadata"]["labels"]["disk"] = "ssd"; });
  json pod = bare_pod();
  pod["spec"]["nodeSelector"] = {{"disk", "ssd"}};
  loops.create("pods", "a", pod);
  loops.create("pods", "b", pod);
  loops.run();
  EXPECT_EQ(node_of("a"), "node-2");
  EXPECT_EQ(node_of("b"), "node-2");
}

TEST_F(SchedulerTest, APodThatFitsNowhereSaysWhyOnce) {
  json pod = bare_pod();
  pod["spec"]["nodeSelector"] = {{"disk", "ssd"}};
  loops.create("pods", "a", pod);
  loops.run();
  EXPECT_EQ(node_of("a"), "");
  EXPECT_EQ(refusal("a"),
            "Unschedulable: 0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. "
            "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.");
  loops.create("pods", "b", bare_pod());
  loops.run();
  EXPECT_EQ(loops.events("FailedScheduling").size(), 1U);
}

TEST_F(SchedulerTest, AWaitingPodIsPlacedWhenANodeFits) {
  json pod = bare_pod();
  pod["spec"]["nodeSelector"] = {{"disk", "ssd"}};
  loops.create("pods", "a", pod);
  loops.run();
  loops.store.modify({"nodes", "", "node-3"}, [](json& node) { node["metadata"]["labels"]["disk"] = "ssd"; });
  loops.run();
  EXPECT_EQ(node_of("a"), "node-3");
  const json placed = loops.get("pods", "a");
  EXPECT_EQ(text_at(*condition(placed, "PodScheduled"), "status"), "True");
}

TEST_F(SchedulerTest, AnUnschedulableNodeGetsNoNewPods) {
  loops.store.modify({"nodes", "", "node-1"}, [](json& node) { node["spec"]["unschedulable"] = true; });
  loops.create("pods", "a", bare_pod());
  loops.run();
  EXPECT_EQ(node_of("a"), "node-2");
}

TEST_F(SchedulerTest, AFullNodeIsPassedOverAndAFreedPlaceIsTaken) {
  ControlLoops small(cluster_of(2, 29));  // 5 addresses a node
  small.create("replicasets", "web", workload("ReplicaSet", "web", 11));
  small.settle();
  std::map<std::string, int> per_node;
  std::string placed;
  for (const auto& pod : small.pods()) {
    ++per_node[text_at(*pod, "spec.nodeName")];
    placed = text_at(*pod, "spec.nodeName").empty() ? placed : objects::name_of(*pod);
  }
  EXPECT_EQ(per_node["node-1"], 5);
  EXPECT_EQ(per_node["node-2"], 5);
  EXPECT_EQ(per_node[""], 1);
  small.scale("replicasets", "web", 10);
  small.settle();
  EXPECT_EQ(small.pods().size(), 10U);
  small.scale("replicasets", "web", 11);
  small.settle();
  small.finish(placed, "Succeeded");
  small.settle();
  // Its replacement waits, the pod that waited has its place.
  EXPECT_EQ(small.active(), 11U);
}

TEST_F(SchedulerTest, GatedPodsWait) {
  json pod = bare_pod();
  pod["spec"]["schedulingGates"] = {{{"name", "example.com/later"}}};
  loops.create("pods", "a", pod);
  loops.run();
  EXPECT_EQ(node_of("a"), "");
  EXPECT_THAT(refusal("a"), HasSubstr("SchedulingGated"));
  loops.edit("pods", "a", [](json& object) { object["spec"].erase("schedulingGates"); });
  loops.run();
  EXPECT_EQ(node_of("a"), "node-1");
}

// A pod with one hostPort; `ip` may be empty.
json host_port_pod(int port, const std::string& ip = "", const std::string& protocol = "TCP") {
  json pod = bare_pod();
  pod["spec"]["containers"][0]["ports"] = {
      {{"containerPort", 80}, {"hostPort", port}, {"hostIP", ip}, {"protocol", protocol}}};
  return pod;
}

class HostPortTest : public ::testing::Test {
 protected:
  bool is_placed(const std::string& name, json pod) {
    loops.create("pods", name, std::move(pod));
    loops.run();
    return !text_at(loops.get("pods", name), "status.podIP").empty();
  }
  ControlLoops loops{cluster_of(1)};
};

TEST_F(HostPortTest, PodsWithOneGoToDifferentNodes) {
  ControlLoops three;
  for (const char* name : {"a", "b", "c", "d"}) {
    three.create("pods", name, host_port_pod(8080));
  }
  three.run();
  EXPECT_EQ(text_at(three.get("pods", "c"), "spec.nodeName"), "node-3");
  const json waiting = three.get("pods", "d");
  EXPECT_EQ(text_at(waiting, "status.phase"), "Pending");
  EXPECT_EQ(text_at(*condition(waiting, "PodScheduled"), "message"),
            "0/3 nodes are available: 3 node(s) didn't have free ports for the requested pod ports. "
            "preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.");
  three.remove_deleted();
  three.store.remove({"pods", "default", "b"});
  three.run();
  EXPECT_EQ(text_at(three.get("pods", "d"), "spec.nodeName"), "node-2");
}

TEST_F(HostPortTest, OtherProtocolsAndAddressesAreOtherPorts) {  // H1
  EXPECT_TRUE(is_placed("a", host_port_pod(54323, "127.0.0.1")));
  EXPECT_TRUE(is_placed("b", host_port_pod(54323, "192.168.50.11")));
  EXPECT_TRUE(is_placed("c", host_port_pod(54323, "192.168.50.11", "UDP")));
  EXPECT_FALSE(is_placed("d", host_port_pod(54323, "127.0.0.1")));
  EXPECT_TRUE(is_placed("e", host_port_pod(54324, "127.0.0.1")));
}

TEST_F(HostPortTest, AnyAddressConflictsWithEach) {
  EXPECT_TRUE(is_placed("a", host_port_pod(80, "127.0.0.1")));
  for (const char* any : {"", "0.0.0.0", "::"}) {
    EXPECT_FALSE(is_placed("on" + std::string(any), host_port_pod(80, any))) << any;
  }
  EXPECT_TRUE(is_placed("b", host_port_pod(81)));
  EXPECT_FALSE(is_placed("c", host_port_pod(81, "192.168.50.11")));
}

TEST_F(HostPortTest, PortsOnTheHostNetworkAreTheNodesOwn) {
  json pod = bare_pod();
  pod["spec"]["hostNetwork"] = true;
  pod["spec"]["containers"][0]["ports"] = {{{"containerPort", 8080}}};
  EXPECT_TRUE(is_placed("a", pod));
  EXPECT_FALSE(is_placed("b", pod));
  EXPECT_FALSE(is_placed("c", host_port_pod(8080, "192.168.50.11")));
}

TEST_F(HostPortTest, APodThatEndedFreesItsPort) {
  EXPECT_TRUE(is_placed("a", host_port_pod(80)));
  EXPECT_FALSE(is_placed("b", host_port_pod(80)));
  loops.finish("a", "Succeeded");
  loops.run();
  EXPECT_FALSE(text_at(loops.get("pods", "b"), "status.podIP").empty());
}

TEST_F(HostPortTest, APodThatNamesItsNodeFailsWhereThePortIsTaken) {
  EXPECT_TRUE(is_placed("a", host_port_pod(80)));
  json named = host_port_pod(80);
  named["spec"]["nodeName"] = "node-1";
  EXPECT_FALSE(is_placed("b", named));
  const json failed = loops.get("pods", "b");
  EXPECT_EQ(text_at(failed, "status.phase"), "Failed");
  EXPECT_EQ(text_at(failed, "status.reason"), "NodePorts");
  EXPECT_EQ(
      text_at(failed, "status.message"),
      "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod "
      "ports");
}

}  // namespace
}  // namespace labctl::controllers
