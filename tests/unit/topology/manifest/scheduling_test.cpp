// Fields that decide where a pod goes: what is refused, in the API server's words.

#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace labctl::manifest {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> told_of(const std::string& text) {
  std::vector<std::string> told;
  for (const Diagnostic& diagnostic : load({{"f.yaml", text}}, {}).diagnostics) {
    told.push_back((diagnostic.severity == Severity::Error ? "E " : "W ") + diagnostic.path + ": " +
                   diagnostic.message);
  }
  return told;
}

std::string pod_with(const std::string& spec, const std::string& container = "") {
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {" + spec + (spec.empty() ? "" : ", ") +
         "containers: [{name: main, image: nginx" + (container.empty() ? "" : ", ") + container + "}]}\n";
}

std::string deployment_with(const std::string& spec, const std::string& pod_spec = "") {
  return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {" + spec +
         "selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {" +
         pod_spec + "containers: [{name: main, image: nginx}]}}}\n";
}

struct Refused {
  const char* name;
  const char* spec;
  const char* told;
};

class SchedulingRules : public testing::TestWithParam<Refused> {};

TEST_P(SchedulingRules, AreThoseOfTheApiServer) {
  EXPECT_THAT(told_of(pod_with(GetParam().spec)), ElementsAre(GetParam().told));
}

INSTANTIATE_TEST_SUITE_P(
    All, SchedulingRules,
    testing::Values(
        Refused{"ValueWithExists", "tolerations: [{key: a, operator: Exists, value: b}]",
                "E spec.tolerations[0].value: Invalid value: \"b\": value must be empty when `operator` is "
                "'Exists'"},
        Refused{
            "NoKey", "tolerations: [{operator: Equal, value: b}]",
            "E spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is "
            "empty, which means \"match all values and all keys\""},
        Refused{
            "SecondsOfNoSchedule",
            "tolerations: [{key: a, operator: Exists, effect: NoSchedule, tolerationSeconds: 5}]",
            "E spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when "
            "`tolerationSeconds` is set"},
        Refused{
            "NoTerms",
            "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: "
            "[]}}}",
            "E spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: "
            "Required value: must have at least one node selector term"},
        Refused{"Weight",
                "affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 101, "
                "preference: {}}]}}",
                "E spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: "
                "Invalid value: 101: must be in the range 1-100"},
        Refused{
            "NoTopologyKey",
            "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: "
            "{}}]}}",
            "E spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: "
            "Required value: can not be empty"},
        Refused{
            "Skew",
            "topologySpreadConstraints: [{maxSkew: 0, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]",
            "E spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero"},
        Refused{
            "MinDomains",
            "topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, "
            "minDomains: 2}]",
            "E spec.topologySpreadConstraints[0].minDomains: Invalid value: 2: can only use minDomains if "
            "whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway"},
        Refused{
            "SpreadTwice",
            "topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}, "
            "{maxSkew: 2, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]",
            "E spec.topologySpreadConstraints[1]: Duplicate value: {zone, DoNotSchedule}"},
        Refused{"GateTwice", "schedulingGates: [{name: a}, {name: a}]",
                "E spec.schedulingGates[1].name: Duplicate value: \"a\""}),
    [](const auto& one) { return one.param.name; });

TEST(ResourceRules, AmountsAreQuantities) {
  const auto limits = [](const std::string& text) {
    return pod_with("", "resources: {limits: {" + text + "}}");
  };
  EXPECT_THAT(
      told_of(limits("cpu: 1 core")),
      ElementsAre("E spec.containers[0].resources.limits.cpu: Invalid value: \"1 core\": quantities must "
                  "match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"));
  EXPECT_THAT(told_of(limits("memory: 5mm")),
              ElementsAre("E spec.containers[0].resources.limits.memory: Invalid value: \"5mm\": "
                          "unable to parse quantity's suffix"));
  EXPECT_THAT(told_of(limits("memory: -5")),
              ElementsAre("E spec.containers[0].resources.limits.memory: Invalid "
                          "value: -5: must be greater than or equal to 0"));
  EXPECT_THAT(
      told_of(limits("disk: 5Gi")),
      ElementsAre("E spec.containers[0].resources.limits.disk: Invalid value: \"disk\": must be a standard "
                  "resource for containers"));
  EXPECT_THAT(told_of(limits("cpu: 1, memory: 1.5Gi, ephemeral-storage: 1e3, example.com/gpu: 2")),
              IsEmpty());
}

TEST(ResourceRules, RequestsAreWithinLimits) {
  const auto both = [](const std::string& requests, const std::string& limits) {
    return pod_with("", "resources: {requests: {" + requests + "}, limits: {" + limits + "}}");
  };
  EXPECT_THAT(
      told_of(both("cpu: \"2\"", "cpu: 500m")),
      ElementsAre("E spec.containers[0].resources.requests.cpu: Invalid value: \"2\": must be less than or "
                  "equal to cpu limit of 500m"));
  EXPECT_THAT(told_of(both("memory: 1Gi", "memory: 1024Mi, cpu: 1")), IsEmpty());
  EXPECT_THAT(
      told_of(both("example.com/gpu: 1", "example.com/gpu: 2")),
      ElementsAre(
          "E spec.containers[0].resources.requests[\"example.com/gpu\"]: Invalid value: 1: must be equal "
          "to example.com/gpu limit of 2"));
  EXPECT_THAT(
      told_of(both("example.com/gpu: 1", "cpu: 2")),
      ElementsAre(
          "E spec.containers[0].resources.requests[\"example.com/gpu\"]: Required value: Limit must be "
          "set for non overcommitable resources"));
}

TEST(WorkloadRules, EphemeralContainersComeLater) {
  EXPECT_THAT(told_of(pod_with("ephemeralContainers: [{name: e, image: x}]")),
              Contains("E spec.ephemeralContainers: Forbidden: cannot be set on create"));
  EXPECT_THAT(told_of(pod_with("ephemeralContainers: []")), IsEmpty());
  EXPECT_THAT(
      told_of(deployment_with("", "ephemeralContainers: [{name: e, image: x}], ")),
      Contains("E spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod "
               "template"));
}

TEST(WorkloadRules, TemplatesHaveNoDeadline) {
  EXPECT_THAT(
      told_of(deployment_with("", "activeDeadlineSeconds: 5, ")),
      Contains(
          "E spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is "
          "not Supported"));
}

TEST(WorkloadRules, ADeploymentHasTimeToBecomeReady) {
  EXPECT_THAT(
      told_of(deployment_with("minReadySeconds: 700, ")),
      ElementsAre("E spec.minReadySeconds: Invalid value: 600: must be greater than minReadySeconds"));
  EXPECT_THAT(
      told_of(deployment_with("minReadySeconds: 10, progressDeadlineSeconds: 10, ")),
      ElementsAre("E spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds"));
  EXPECT_THAT(told_of(deployment_with("minReadySeconds: 599, ")), IsEmpty());
}

TEST(ClusterNodes, HaveTaintsAndCapacity) {
  const auto cluster = [](const std::string& node) {
    return "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nmetadata: {name: lab}\nspec: {nodes: [{name: "
           "a, " +
           node + "}]}\n";
  };
  const std::string sound = cluster(
      "taints: [{key: gpu, value: a100, effect: NoSchedule}], "
      "capacity: {cpu: 2, memory: 4Gi, pods: 110}");
  const Loaded loaded = load({{"f.yaml", sound}}, {});
  EXPECT_THAT(loaded.diagnostics, IsEmpty());
  ASSERT_TRUE(loaded.cluster);
  EXPECT_EQ(loaded.cluster->nodes[0].taints, (std::vector<model::Taint>{{"gpu", "a100", "NoSchedule"}}));
  EXPECT_EQ(loaded.cluster->nodes[0].capacity.at("pods"), "110");
  EXPECT_THAT(told_of(cluster("taints: [{key: a, effect: NoSchedule}, {key: a, effect: NoSchedule}]")),
              ElementsAre("E spec.nodes[0].taints[1]: Duplicate value: a:NoSchedule"));
  EXPECT_THAT(
      told_of(cluster("capacity: {cores: 4}")),
      ElementsAre("E spec.nodes[0].capacity.cores: Invalid value: \"cores\": must be a standard resource "
                  "type or fully qualified"));
}

// A Cluster of two nodes in zone east: `a` is small, `b` has the taint gpu=a100.
std::string with_nodes(const std::string& objects) {
  return "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nmetadata: {name: lab}\nspec: {nodes: [{name: a, "
         "zone: "
         "east, capacity: {cpu: 2}}, {name: b, zone: east, taints: [{key: gpu, value: a100, effect: "
         "NoSchedule}]}]}\n"
         "---\n" +
         objects;
}

TEST(WhatNoNodeTakes, IsToldBefore) {
  const std::string hostname = "kubernetes.io/hostname";
  EXPECT_THAT(told_of(with_nodes(pod_with("nodeSelector: {disk: ssd}"))),
              ElementsAre("W spec.nodeSelector: no node has these labels, so the pods will stay Pending"));
  EXPECT_THAT(
      told_of(with_nodes(pod_with(
          "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: "
          "[{matchExpressions: [{key: disk, operator: Exists}]}]}}}"))),
      ElementsAre("W spec.affinity.nodeAffinity: no node fits, so the pods will stay Pending"));
  EXPECT_THAT(
      told_of(with_nodes(pod_with("nodeSelector: {" + hostname + ": b}"))),
      ElementsAre("W spec: every node that fits has a taint that is not tolerated, so the pods will stay "
                  "Pending: b has {gpu: a100}"));
  EXPECT_THAT(told_of(with_nodes(pod_with("", "resources: {requests: {cpu: 2500m}}"))),
              ElementsAre("W spec.containers: request together more than any node has, so the pods will stay "
                          "Pending: a has too little cpu"));
  EXPECT_THAT(told_of(with_nodes(pod_with("topologySpreadConstraints: [{maxSkew: 1, topologyKey: rack, "
                                          "whenUnsatisfiable: DoNotSchedule, labelSelector: {}}]"))),
              ElementsAre("W spec.topologySpreadConstraints[0].topologyKey: no node that fits has the label "
                          "\"rack\", so the pods will stay Pending"));
}

TEST(WhatNoNodeTakes, IsNotToldOfWhatOneTakes) {
  EXPECT_THAT(told_of(with_nodes(pod_with("tolerations: [{key: gpu, operator: Exists}]",
                                          "resources: {requests: {cpu: 2500m}}"))),
              IsEmpty());
  EXPECT_THAT(told_of(with_nodes(pod_with("topologySpreadConstraints: [{maxSkew: 1, topologyKey: rack, "
                                          "whenUnsatisfiable: ScheduleAnyway, labelSelector: {}}]"))),
              IsEmpty());
}

TEST(WhatNoNodeTakes, PodsThatRefuseEachOtherNeedADomainEach) {
  const std::string refusal =
      "tolerations: [{operator: Exists}], affinity: {podAntiAffinity: "
      "{requiredDuringSchedulingIgnoredDuringExecution: "
      "[{labelSelector: {matchLabels: {app: web}}, topologyKey: kubernetes.io/hostname}]}}, ";
  EXPECT_THAT(told_of(with_nodes(deployment_with("replicas: 3, ", refusal))),
              ElementsAre("W spec.replicas: 1 of 3 pods will stay Pending: they refuse each other by "
                          "\"kubernetes.io/hostname\", of which there are 2"));
  EXPECT_THAT(told_of(with_nodes(deployment_with("replicas: 2, ", refusal))), IsEmpty());
}

TEST(ClusterNodes, NodeObjectsTaintThem) {
  const Loaded loaded =
      load({{"f.yaml",
             "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nmetadata: {name: lab}\nspec: {nodes: "
             "[{name: a, taints: [{key: x, effect: NoSchedule}]}]}\n---\n"
             "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nspec: {unschedulable: true, "
             "taints: [{key: x, value: y, effect: NoSchedule}, {key: z, effect: NoExecute}]}\n"}},
           {});
  EXPECT_THAT(loaded.diagnostics, IsEmpty());
  ASSERT_TRUE(loaded.cluster);
  EXPECT_EQ(loaded.cluster->nodes[0].taints,
            (std::vector<model::Taint>{{"x", "y", "NoSchedule"}, {"z", "", "NoExecute"}}));
  EXPECT_TRUE(loaded.cluster->nodes[0].is_unschedulable);
}

TEST(SchedulerName, OfAnotherSchedulerIsTold) {
  const std::vector<Diagnostic> said = load({{"f.yaml", pod_with("schedulerName: volcano") + "---\n" +
                                                            deployment_with("", "schedulerName: volcano, ")}},
                                            {})
                                           .diagnostics;
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].topic, Topic::StoodIn);
  EXPECT_EQ(said[0].subject, "scheduler volcano");
  EXPECT_EQ(said[0].times, 2);
  EXPECT_EQ(said[0].message, "no scheduler volcano runs in a lab: the lab's own places the pods");
  EXPECT_THAT(told_of(pod_with("schedulerName: default-scheduler")), IsEmpty());
}

}  // namespace
}  // namespace labctl::manifest
