#include "labctl/objects/coming_up.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace labctl::objects {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

json pod_that(const json& status, const json& metadata = json::object(), const json& spec = json::object()) {
  return {{"metadata", metadata}, {"spec", spec}, {"status", status}};
}

json said(const char* type, const char* status, const char* reason = "", const char* message = "") {
  return {{"type", type}, {"status", status}, {"reason", reason}, {"message", message}};
}

const json kOfAJob{{"ownerReferences", json::array({{{"kind", "Job"}, {"uid", "1"}, {"controller", true}}})}};
const json kOfASet{
    {"ownerReferences", json::array({{{"kind", "ReplicaSet"}, {"uid", "1"}, {"controller", true}}})}};
const json kReadyPod{{"phase", "Running"}, {"conditions", {said("Ready", "True")}}};

TEST(ComingUpPods, ByWhatTheirStatusSays) {
  struct Case {
    const char* what;
    json pod;
    ComingUp wanted;
  };
  const Case cases[] = {
      {"new", pod_that(json::object()), ComingUp::UnderWay},
      {"ready", pod_that(kReadyPod), ComingUp::Up},
      {"done", pod_that({{"phase", "Succeeded"}}), ComingUp::Up},
      {"failed, and nobody makes another", pod_that({{"phase", "Failed"}}), ComingUp::Stuck},
      {"failed, and replaced", pod_that({{"phase", "Failed"}}, kOfASet), ComingUp::Up},
      {"failed, and judged by its Job", pod_that({{"phase", "Failed"}}, kOfAJob), ComingUp::Up},
      {"ready, but its Job wants its end", pod_that(kReadyPod, kOfAJob), ComingUp::UnderWay},
      {"on its way out", pod_that(json::object(), {{"deletionTimestamp", "2026-12-01T00:00:00Z"}}),
       ComingUp::Up},
      {"without a node",
       pod_that({{"phase", "Pending"}, {"conditions", {said("PodScheduled", "False", "Unschedulable")}}}),
       ComingUp::Stuck},
      {"crashing", pod_that({{"phase", "Running"}, {"conditions", {said("Ready", "False")}}}),
       ComingUp::UnderWay},
      {"before a gate of a client's",
       pod_that({{"conditions", {said("Ready", "False", "ReadinessGatesNotReady")}}}, json::object(),
                {{"readinessGates", json::array({{{"conditionType", "example.com/ok"}}})}}),
       ComingUp::Stuck},
      {"before a gate of the lab's",
       pod_that({{"conditions", {said("Ready", "False", "ReadinessGatesNotReady")}}}, json::object(),
                {{"readinessGates", json::array({{{"conditionType", "labctl.dev/zones-loaded"}}})}}),
       ComingUp::UnderWay},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(coming_up("pods", one.pod), one.wanted) << one.what;
  }
}

TEST(ComingUpWorkloads, AreUpOnceTheirPodsAreMade) {
  const auto workload = [](int generation, const json& status) {
    return json{{"metadata", {{"generation", generation}}}, {"spec", {{"replicas", 3}}}, {"status", status}};
  };
  const json made{{"observedGeneration", 1}, {"replicas", 3}};
  const json lacking{{"observedGeneration", 1}, {"replicas", 1}};
  EXPECT_EQ(coming_up("replicasets", workload(1, json::object())), ComingUp::UnderWay);
  EXPECT_EQ(coming_up("replicasets", workload(1, made)), ComingUp::Up);
  EXPECT_EQ(coming_up("statefulsets", workload(2, made)), ComingUp::UnderWay);
  EXPECT_EQ(coming_up("statefulsets", workload(1, lacking)), ComingUp::UnderWay);
  EXPECT_THAT(why_not_up("statefulsets", workload(1, lacking), "quota"),
              ElementsAre("1 of 3 pods are made", "quota"));
  EXPECT_EQ(coming_up("deployments", workload(1, lacking)), ComingUp::Up) << "its ReplicaSet counts";
  EXPECT_EQ(coming_up("daemonsets", workload(1, {{"observedGeneration", 1}})), ComingUp::Up)
      << "no node is wanted";
  EXPECT_EQ(coming_up("services", workload(1, json::object())), ComingUp::Up);
}

TEST(ComingUpJobs, AreUpWhenComplete) {
  const auto job = [](const json& condition) {
    return json{{"spec", json::object()}, {"status", {{"conditions", {condition}}}}};
  };
  EXPECT_EQ(coming_up("jobs", {{"spec", json::object()}}), ComingUp::UnderWay);
  EXPECT_EQ(coming_up("jobs", {{"spec", {{"suspend", true}}}}), ComingUp::Up);
  EXPECT_EQ(coming_up("jobs", job(said("Complete", "True"))), ComingUp::Up);
  const json failed = job(said("Failed", "True", "BackoffLimitExceeded", "Job has reached the limit"));
  EXPECT_EQ(coming_up("jobs", failed), ComingUp::Stuck);
  EXPECT_THAT(why_not_up("jobs", failed, ""),
              ElementsAre("Failed: BackoffLimitExceeded: Job has reached the limit"));
}

TEST(WhyNotUp, IsSaidInTheWordsOfTheStatus) {
  const char* nodes = "0/2 nodes are available: 2 Too many pods.";
  EXPECT_THAT(
      why_not_up("pods", pod_that({{"conditions", {said("PodScheduled", "False", "Unschedulable", nodes)}}}),
                 nodes),
      ElementsAre(std::string("Unschedulable: ") + nodes));
  const json crashing = pod_that(
      {{"phase", "Running"},
       {"initContainerStatuses", {{{"name", "i"}, {"state", {{"terminated", {{"exitCode", 0}}}}}}}},
       {"containerStatuses",
        {{{"name", "app"},
          {"state", {{"waiting", {{"reason", "CrashLoopBackOff"}, {"message", "back-off 10s"}}}}}},
         {{"name", "once"}, {"state", {{"terminated", {{"exitCode", 3}, {"reason", "Error"}}}}}},
         {{"name", "web"}, {"started", true}, {"ready", false}, {"state", {{"running", json::object()}}}}}}});
  EXPECT_THAT(why_not_up("pods", crashing, "Readiness probe failed: 503"),
              ElementsAre("container app: waiting: CrashLoopBackOff: back-off 10s",
                          "container once: terminated: Error (exit code 3)", "container web: not ready",
                          "Readiness probe failed: 503"));
  EXPECT_THAT(why_not_up("pods", pod_that(json::object()), ""), ElementsAre("Pending"));
}

}  // namespace
}  // namespace labctl::objects
