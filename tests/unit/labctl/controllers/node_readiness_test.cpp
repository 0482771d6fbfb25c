#include "labctl/controllers/pods/node_readiness.hpp"

#include "labctl/kubelet/pod_status.hpp"
#include "labctl/objects/fields.hpp"

#include "control_loop_fixture.hpp"

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::condition;
using objects::text_at;

class NodeReadinessTest : public ::testing::Test {
 protected:
  NodeReadinessTest() {
    for (const char* name : {"a", "b"}) {  // on node-1 and node-2
      loops.create("pods", name, bare_pod());
    }
    loops.settle();
  }
  void set_node(const char* status, const char* node = "node-1") {
    loops.store.modify({"nodes", "", node}, [&](json& object) {
      objects::set_condition(object["status"], "Ready", status, loops.clock.wall(), "Test");
    });
  }
  // "True", "False NodeNotReady"
  std::string ready(const std::string& pod) const {
    const json object = loops.get("pods", pod);
    const json& found = *condition(object, "Ready");
    const std::string& reason = text_at(found, "reason");
    return text_at(found, "status") + (reason.empty() ? "" : " " + reason);
  }
  ControlLoops loops;
};

TEST_F(NodeReadinessTest, PodsOfANodeThatIsNotReadyAreNotEither) {
  for (const char* status : {"False", "Unknown"}) {
    set_node(status);
    loops.run();
    EXPECT_EQ(ready("a"), "False NodeNotReady");
    EXPECT_EQ(ready("b"), "True");
    set_node("True");
    loops.run();
    EXPECT_EQ(ready("a"), "True");
  }
  EXPECT_EQ(loops.events("NodeNotReady"), std::vector<std::string>{"Node is not ready"});
}

TEST_F(NodeReadinessTest, NoReportOfContainersMakesAPodReadyMeanwhile) {
  set_node("False");
  loops.run();
  loops.make_ready("a");
  loops.run();
  EXPECT_EQ(ready("a"), "False NodeNotReady");
}

TEST_F(NodeReadinessTest, APodThatWasNotReadyComesBackSo) {
  loops.make_ready("a", false);
  set_node("False");
  loops.run();
  EXPECT_EQ(ready("a"), "False ContainersNotReady");
  set_node("True");
  loops.run();
  EXPECT_EQ(ready("a"), "False ContainersNotReady");
}

TEST_F(NodeReadinessTest, AReadinessGateThatClosedMeanwhileStaysClosed) {
  set_node("False");
  loops.run();
  loops.edit("pods", "a", [](json& pod) { pod["spec"]["readinessGates"] = {{{"conditionType", "x/y"}}}; });
  set_node("True");
  loops.run();
  EXPECT_EQ(ready("a"), "False ReadinessGatesNotReady");
}

TEST_F(NodeReadinessTest, TheEndpointsFollow) {
  loops.create("services", "web",
               json::parse(R"({"apiVersion": "v1", "kind": "Service", "spec": {"type": "ClusterIP",
                               "clusterIP": "10.96.0.20", "ipFamilies": ["IPv4"], "selector": {"app": "web"},
                               "ports": [{"port": 80, "protocol": "TCP"}]}})"));
  const auto ready_endpoints = [&] {
    int count = 0;
    for (const auto& slice : loops.store.list("endpointslices")) {
      for (const json& endpoint : slice->at("endpoints")) {
        count += objects::is_true_at(endpoint, "conditions.ready") ? 1 : 0;
      }
    }
    return count;
  };
  loops.run();
  EXPECT_EQ(ready_endpoints(), 2);
  set_node("False");
  loops.run();
  EXPECT_EQ(ready_endpoints(), 1);
  set_node("True");
  loops.run();
  EXPECT_EQ(ready_endpoints(), 2);
}

TEST_F(NodeReadinessTest, NewPodsGoElsewhereOrWait) {
  set_node("False");
  loops.create("pods", "c", bare_pod());
  loops.create("pods", "d", bare_pod());
  loops.run();
  EXPECT_EQ(text_at(loops.get("pods", "c"), "spec.nodeName"), "node-3");
  EXPECT_EQ(text_at(loops.get("pods", "d"), "spec.nodeName"), "node-2");
  set_node("False", "node-2");
  set_node("False", "node-3");
  json tolerant = bare_pod();
  tolerant["spec"]["tolerations"] = {{{"key", "node.kubernetes.io/not-ready"}, {"operator", "Exists"}}};
  loops.create("pods", "e", tolerant);
  loops.create("pods", "f", bare_pod());
  loops.run();
  EXPECT_EQ(text_at(loops.get("pods", "e"), "spec.nodeName"), "node-1");
  const json waiting = loops.get("pods", "f");
  EXPECT_EQ(text_at(*condition(waiting, "PodScheduled"), "message"),
            "0/3 nodes are available: 3 node(s) had untolerated taint {node.kubernetes.io/not-ready: }. "
            "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.");
  set_node("True", "node-2");
  loops.run();
  EXPECT_EQ(text_at(loops.get("pods", "f"), "spec.nodeName"), "node-2");
}

}  // namespace
}  // namespace labctl::controllers
