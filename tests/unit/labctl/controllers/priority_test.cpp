// The priority that a PriorityClass gives to pods, whoever makes them.

#include "labctl/objects/priority.hpp"

#include "control_loop_fixture.hpp"
#include "topology/base/error.hpp"

#include <gtest/gtest.h>

namespace labctl::controllers {
namespace {

using nlohmann::json;

json priority_class(int value, bool is_default = false) {
  return {{"apiVersion", "scheduling.k8s.io/v1"}, {"kind", "PriorityClass"},
          {"metadata", json::object()},           {"value", value},
          {"globalDefault", is_default},          {"preemptionPolicy", "Never"}};
}

json pod_of_class(const std::string& name) {
  json pod{{"metadata", {{"name", "web"}}}, {"spec", {{"containers", json::array()}}}};
  if (!name.empty()) {
    pod["spec"]["priorityClassName"] = name;
  }
  return pod;
}

class PriorityTest : public testing::Test {
 protected:
  void add_class(const std::string& name, const json& object) {
    loops.store.create({"priorityclasses", "", name}, object);
  }
  json admitted(json pod) {
    objects::admit_priority(loops.store, pod);
    return pod["spec"];
  }
  std::string refusal_of_pod(json pod) {
    try {
      objects::admit_priority(loops.store, pod);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::Permission);
      return error.message();
    }
    return {};
  }
  ControlLoops loops;
};

TEST_F(PriorityTest, ComesFromTheClass) {
  add_class("high", priority_class(1000));
  const json spec = admitted(pod_of_class("high"));
  EXPECT_EQ(spec["priority"], 1000);
  EXPECT_EQ(spec["preemptionPolicy"], "Never");
}

TEST_F(PriorityTest, OfTheSystemsClassesIsKnownWithoutTheirObjects) {
  EXPECT_EQ(admitted(pod_of_class("system-cluster-critical"))["priority"], 2000000000);
  EXPECT_EQ(admitted(pod_of_class("system-node-critical"))["priority"], 2000001000);
}

TEST_F(PriorityTest, OfAPodWithoutAClassIsThatOfTheLowestDefault) {
  EXPECT_FALSE(admitted(pod_of_class("")).contains("priority"));
  add_class("usual", priority_class(7, true));
  add_class("other", priority_class(9, true));
  const json spec = admitted(pod_of_class(""));
  EXPECT_EQ(spec["priority"], 7);
  EXPECT_EQ(spec["priorityClassName"], "usual");
}

TEST_F(PriorityTest, OfAnUnknownClassIsRefusedInAdmissionsWords) {
  EXPECT_EQ(refusal_of_pod(pod_of_class("high")),
            "pods \"web\" is forbidden: no PriorityClass with name high was found");
}

TEST_F(PriorityTest, MayNotBeWrittenByHand) {
  json pod = pod_of_class("system-node-critical");
  pod["spec"]["priority"] = 5;
  EXPECT_EQ(refusal_of_pod(pod).substr(0, 66),
            "pods \"web\" is forbidden: the integer value of priority (5) must no");
  pod["spec"]["priority"] = 2000001000;  // as an export has it
  EXPECT_EQ(refusal_of_pod(pod), "");
}

TEST_F(PriorityTest, IsGivenToThePodsOfWorkloads) {
  add_class("high", priority_class(1000));
  for (const auto& [resource, kind] : std::map<std::string, std::string>{
           {"replicasets", "ReplicaSet"}, {"statefulsets", "StatefulSet"}, {"daemonsets", "DaemonSet"}}) {
    json set = workload(kind, kind == "DaemonSet" ? "agent" : kind == "StatefulSet" ? "db" : "web", 2);
    set["spec"]["template"]["spec"]["priorityClassName"] = "high";
    loops.create(resource, set["metadata"].value("name", "x"), set);
  }
  loops.settle();
  EXPECT_EQ(loops.pods().size(), 7U);
  for (const store::ObjectPtr& pod : loops.pods()) {
    EXPECT_EQ(pod->at("spec").value("priority", 0), 1000) << *pod;
  }
}

TEST_F(PriorityTest, PodsOfAnUnknownClassAreMadeOnceItIsThere) {
  json set = workload("ReplicaSet", "web", 1);
  set["spec"]["template"]["spec"]["priorityClassName"] = "high";
  loops.create("replicasets", "web", set);
  loops.run();
  EXPECT_TRUE(loops.pods().empty());
  ASSERT_EQ(loops.events("FailedCreate").size(), 1U);
  EXPECT_EQ(loops.events("FailedCreate").front(),
            "Error creating: pods \"web-\" is forbidden: no PriorityClass with name high was found");
  add_class("high", priority_class(1000));
  loops.clock.advance(std::chrono::minutes(5));
  loops.settle();
  EXPECT_EQ(loops.pods().size(), 1U);
}

}  // namespace
}  // namespace labctl::controllers
