// What LimitRanges and ResourceQuotas make of new pods, and of those that controllers want.

#include "labctl/objects/quotas.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/limit_ranges.hpp"
#include "labctl/objects/pod_admission.hpp"
#include "topology/base/error.hpp"

#include "tests/unit/labctl/controllers/control_loop_fixture.hpp"

#include <gmock/gmock.h>

namespace labctl::objects {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

json pod_with_resources(const std::string& name, json resources = json::object()) {
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", {{"name", name}, {"namespace", "default"}}},
          {"spec",
           {{"containers", {{{"name", "main"}, {"image", "app"}, {"resources", std::move(resources)}}}}}}};
}

class Quotas : public testing::Test {
 protected:
  void limit(const json& limits) {
    loops.store.create({"limitranges", "default", "limits"},
                       {{"metadata", {{"name", "limits"}, {"namespace", "default"}}},
                        {"spec", {{"limits", json::array({limits})}}}});
  }
  void quota(const json& spec) {
    loops.store.create({"resourcequotas", "default", "q"},
                       {{"metadata", {{"name", "q"}, {"namespace", "default"}}}, {"spec", spec}});
  }
  json admitted(json pod) {
    admit_new_pod(loops.store, pod);
    loops.store.create({"pods", "default", name_of(pod)}, pod);
    return pod;
  }
  json resources_of(json pod) { return admitted(std::move(pod))["spec"]["containers"][0]["resources"]; }
  std::string refusal(json pod) {
    try {
      admitted(std::move(pod));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::Permission);
      return error.message();
    }
    return {};
  }
  controllers::ControlLoops loops;
};

TEST_F(Quotas, LimitRangesGiveWhatContainersDoNotSay) {
  limit({{"type", "Container"},
         {"default", {{"cpu", "500m"}, {"memory", "512Mi"}}},
         {"defaultRequest", {{"cpu", "100m"}}}});
  const json pod = admitted(pod_with_resources("a"));
  EXPECT_EQ(pod["spec"]["containers"][0]["resources"],
            json::parse(R"({"limits": {"cpu": "500m", "memory": "512Mi"},
                            "requests": {"cpu": "100m", "memory": "512Mi"}})"));
  EXPECT_EQ(
      pod["metadata"]["annotations"]["kubernetes.io/limit-ranger"],
      "LimitRanger plugin set: cpu, memory request for container main; cpu, memory limit for container main");
  EXPECT_EQ(pod["status"]["qosClass"], "Burstable");
}

TEST_F(Quotas, LimitRangesLeaveWhatContainersSay) {
  limit({{"type", "Container"}, {"default", {{"cpu", "500m"}}}, {"defaultRequest", {{"cpu", "100m"}}}});
  // A limit alone is the request, too.
  EXPECT_EQ(resources_of(pod_with_resources("a", {{"limits", {{"cpu", "2"}}}})),
            json::parse(R"({"limits": {"cpu": "2"}})"));
  EXPECT_EQ(resources_of(pod_with_resources("b", {{"requests", {{"cpu", "50m"}}}})),
            json::parse(R"({"limits": {"cpu": "500m"}, "requests": {"cpu": "50m"}})"));
}

TEST_F(Quotas, ALimitRangesBoundsAreDefaultsAndHeld) {
  limit({{"type", "Container"}, {"max", {{"cpu", "1"}}}, {"min", {{"cpu", "100m"}}}});
  EXPECT_EQ(resources_of(pod_with_resources("a")),
            json::parse(R"({"limits": {"cpu": "1"}, "requests": {"cpu": "1"}})"));
  EXPECT_EQ(refusal(pod_with_resources("b", {{"limits", {{"cpu", "2"}}}})),
            "pods \"b\" is forbidden: maximum cpu usage per Container is 1, but limit is 2");
  EXPECT_EQ(refusal(pod_with_resources("c", {{"requests", {{"cpu", "50m"}}}})),
            "pods \"c\" is forbidden: minimum cpu usage per Container is 100m, but request is 50m");
}

TEST_F(Quotas, OtherTypesOfLimitsGiveNothing) {
  limit({{"type", "Pod"}, {"max", {{"cpu", "1"}}}});
  EXPECT_THAT(resources_of(pod_with_resources("a")), IsEmpty());
}

TEST_F(Quotas, PodsAreCounted) {
  quota({{"hard", {{"pods", "2"}}}});
  EXPECT_EQ(refusal(pod_with_resources("a")), "");
  EXPECT_EQ(refusal(pod_with_resources("b")), "");
  EXPECT_EQ(refusal(pod_with_resources("c")),
            "pods \"c\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2");
  loops.store.modify({"pods", "default", "a"}, [](json& pod) { pod["status"]["phase"] = "Succeeded"; });
  EXPECT_EQ(refusal(pod_with_resources("c")), "");
}

TEST_F(Quotas, ResourcesAreCountedAndHaveToBeSaid) {
  quota({{"hard", {{"requests.cpu", "1"}, {"memory", "256Mi"}, {"services", "1"}}}});
  EXPECT_EQ(refusal(pod_with_resources("a", {{"requests", {{"cpu", "500m"}}}})),
            "pods \"a\" is forbidden: failed quota: q: must specify memory for: main");
  const json half = {{"requests", {{"cpu", "600m"}, {"memory", "192Mi"}}}};
  EXPECT_EQ(refusal(pod_with_resources("a", half)), "");
  EXPECT_EQ(refusal(pod_with_resources("b", half)),
            "pods \"b\" is forbidden: exceeded quota: q, requested: memory=192Mi,requests.cpu=600m, used: "
            "memory=192Mi,requests.cpu=600m, limited: memory=256Mi,requests.cpu=1");
}

TEST_F(Quotas, AreOfTheirScope) {
  quota({{"hard", {{"pods", "0"}}}, {"scopes", {"BestEffort"}}});
  EXPECT_THAT(refusal(pod_with_resources("a")), HasSubstr("exceeded quota: q"));
  EXPECT_EQ(refusal(pod_with_resources("b", {{"requests", {{"cpu", "1"}}}})), "");
}

TEST_F(Quotas, AReplicaSetBeyondItHasAnEvent) {
  quota({{"hard", {{"pods", "1"}}}});
  loops.create("replicasets", "web", controllers::workload("ReplicaSet", "web", 3));
  loops.settle();
  EXPECT_EQ(loops.pods().size(), 1u);
  EXPECT_THAT(
      loops.events("FailedCreate"),
      ElementsAre("Error creating: pods \"web-\" is forbidden: exceeded quota: q, requested: pods=1, used: "
                  "pods=1, limited: pods=1"));
}

}  // namespace
}  // namespace labctl::objects
