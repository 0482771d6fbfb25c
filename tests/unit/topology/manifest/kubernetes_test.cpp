// The rules of Kubernetes kinds, each as one line of what is said about it.

#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::manifest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// "path: message" of each diagnostic, errors and warnings told apart.
std::vector<std::string> said(const std::string& text, const LoadOptions& options = {}) {
  std::vector<std::string> out;
  for (const Diagnostic& d : load({{"t.yaml", text}}, options).diagnostics) {
    out.push_back((d.severity == Severity::Error ? "E " : "W ") + d.path + ": " + d.message +
                  (d.times > 1 ? " (" + std::to_string(d.times) + " times, first here)" : ""));
  }
  return out;
}

std::string pod(const std::string& spec) {
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {" + spec + "}\n";
}

std::string pod_of(const std::string& container) {
  return pod("containers: [{name: main, image: nginx, " + container + "}]");
}

std::string workload(const std::string& kind, const std::string& spec) {
  return "apiVersion: apps/v1\nkind: " + kind +
         "\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n" + spec +
         "  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: nginx}]}}\n";
}

TEST(PodRules, APlainPodIsSilent) {
  EXPECT_THAT(said(pod("containers: [{name: main, image: nginx}]")), IsEmpty());
}

TEST(PodRules, WhatAClusterExportsIsAlmostSilent) {
  EXPECT_THAT(
      said(
          "apiVersion: v1\nkind: Pod\nmetadata: {name: web, uid: x, resourceVersion: '7', creationTimestamp: "
          "null}\n"
          "spec: {dnsPolicy: ClusterFirst, schedulerName: default-scheduler, serviceAccountName: default, "
          "securityContext: {}, enableServiceLinks: true, tolerations: [], priority: 0, containers: [{name: "
          "main, image: nginx, "
          "resources: {}, terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File}]}\n"),
      IsEmpty());
}

// The API takes such a pod; its node does not start it.
TEST(PodRules, AFullHostNameLongerThanTheKernelTakesIsAWarning) {
  const std::string containers = "containers: [{name: main, image: nginx}], setHostnameAsFQDN: true, ";
  const std::string subdomain = "subdomain: " + std::string(35, 'a');
  const auto warned = said(pod(containers + subdomain));
  ASSERT_THAT(warned, testing::SizeIs(1));
  EXPECT_EQ(warned[0].find("W spec.setHostnameAsFQDN: the host name would have 65 characters"), 0U)
      << warned[0];
  EXPECT_THAT(said(pod(containers + "subdomain: " + std::string(34, 'a'))), IsEmpty());
  EXPECT_THAT(said(pod(containers + subdomain + ", hostNetwork: true")), IsEmpty());
}

TEST(PodRules, SearchDomainsMayHaveUnderscoresAndBeTheRoot) {
  EXPECT_THAT(said(pod("containers: [{name: main, image: nginx}], "
                       "dnsConfig: {searches: [a.example., _tcp.b.example, .]}")),
              IsEmpty());
}

TEST(PodRules, FieldsWithoutMeaningWarnOnceForAllPods) {
  std::string text;
  for (int i = 0; i < 30; ++i) {
    text += "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web-" + std::to_string(i) +
            "}\nspec: {containers: [{name: main, image: nginx, imagePullPolicy: Always}]}\n";
  }
  EXPECT_THAT(
      said(text),
      ElementsAre("W spec.containers[0].imagePullPolicy: accepted, but has no effect in a lab (30 times, "
                  "first here)"));
}

TEST(PodRules, StrictRefusesWhatIsForLaterAndUnknownButNotWhatHasNoMeaning) {
  LoadOptions strict;
  strict.strict = true;
  EXPECT_THAT(
      said(pod_of("securityContext: {capabilities: {drop: [ALL]}}, volumeDevices: [{x: y}], imge: x"),
           strict),
      ElementsAre("W spec.containers[0].securityContext.capabilities: accepted, but has no effect in a lab",
                  "E spec.containers[0].volumeDevices: accepted, but not applied yet",
                  "E spec.containers[0].imge: unknown field in container"));
}

TEST(PodRules, IdsOfASecurityContextHaveAnEffectAndARange) {
  EXPECT_THAT(
      said(
          pod("securityContext: {runAsUser: 1000, runAsGroup: 0, runAsNonRoot: true, supplementalGroups: [4, "
              "2147483647]}, containers: [{name: main, image: nginx, securityContext: {runAsUser: 999, "
              "privileged: false, allowPrivilegeEscalation: false}}]")),
      IsEmpty());
  EXPECT_THAT(
      said(pod("securityContext: {fsGroup: -7, runAsUser: -1, runAsGroup: 2147483648, supplementalGroups: "
               "[-4, x]}, "
               "containers: [{name: main, image: nginx, securityContext: {runAsUser: root}}]")),
      ElementsAre("E spec.securityContext.fsGroup: must be at least 0, got -7",
                  "E spec.securityContext.runAsUser: must be at least 0, got -1",
                  "E spec.securityContext.runAsGroup: must be at most 2147483647, got 2147483648",
                  "E spec.securityContext.supplementalGroups[0]: Invalid value: -4: must be between 0 and "
                  "2147483647, inclusive",
                  "E spec.securityContext.supplementalGroups[1]: must be a whole number",
                  "E spec.containers[0].securityContext.runAsUser: must be a whole number, got the text "
                  "\"root\""));
}

TEST(PodRules, NullIsAbsent) {
  EXPECT_THAT(
      said(pod("nodeSelector: ~, hostname: null, containers: [{name: main, image: nginx, ports: , env: ~}]")),
      IsEmpty());
  EXPECT_THAT(said(pod("containers: ~")), ElementsAre("E spec.containers: is required"));
}

TEST(PodRules, TheSamePortInTwoContainersIsAWarning) {
  EXPECT_THAT(
      said(pod("containers: [{name: a, image: x, ports: [{containerPort: 80}]}, {name: b, image: x, ports: "
               "[{containerPort: 80}]}]")),
      ElementsAre(
          "W spec.containers[1].ports[0].containerPort: port 80/TCP is also a port of container \"a\""));
}

TEST(PodRules, TheSameNumberOfAnotherProtocolIsNone) {
  EXPECT_THAT(said(pod("containers: [{name: a, image: x, ports: [{containerPort: 53}, {containerPort: 53, "
                       "protocol: UDP}]}]")),
              IsEmpty());
}

TEST(PodRules, HostPortsOfDifferentProtocolsDoNotConflict) {
  EXPECT_THAT(said(pod("containers: [{name: a, image: x, ports: [{containerPort: 53, hostPort: 53}, "
                       "{containerPort: 53, hostPort: 53, protocol: UDP}]}]")),
              IsEmpty());
}

TEST(PodRules, AHostNetworkPodNamesItsOwnPort) {
  EXPECT_THAT(said(pod("hostNetwork: true, containers: [{name: a, image: x, ports: [{containerPort: 80, "
                       "hostPort: 80}]}]")),
              IsEmpty());
}

TEST(PodRules, AnAnnotationIsAText) {
  EXPECT_THAT(
      said("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: {on: off}}\n"),
      ElementsAre("E metadata.annotations.true: must be a text, got the boolean false (written off)"));
}

TEST(WorkloadRules, SelectorsAndTemplatesMustAgree) {
  for (const char* kind : {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"}) {
    EXPECT_THAT(said(workload(kind, "")), IsEmpty()) << kind;
    EXPECT_THAT(said("apiVersion: apps/v1\nkind: " + std::string(kind) +
                     "\nmetadata: {name: web}\nspec: {selector: {matchLabels: {a: b}}, template: {spec: "
                     "{containers: [{name: m, image: x}]}}}\n"),
                ElementsAre("E spec.selector: does not match the labels of the template"))
        << kind;
  }
}

TEST(WorkloadRules, ReplicasAreNoFieldOfADaemonSet) {
  EXPECT_THAT(said(workload("DaemonSet", "  replicas: 3\n")),
              ElementsAre("W spec.replicas: unknown field in DaemonSet spec"));
}

TEST(WorkloadRules, RollingUpdateTakesCountsAndShares) {
  EXPECT_THAT(
      said(workload("Deployment", "  strategy: {rollingUpdate: {maxSurge: 50%, maxUnavailable: 0}}\n")),
      IsEmpty());
}

TEST(WorkloadRules, ADaemonSetMustBeAbleToReplaceAPod) {
  EXPECT_THAT(said(workload("DaemonSet", "  updateStrategy: {rollingUpdate: {maxUnavailable: 0}}\n")),
              ElementsAre("E spec.updateStrategy.rollingUpdate.maxUnavailable: must not be 0: no pod could "
                          "ever be replaced"));
}

TEST(WorkloadRules, AStatefulSetMayCountFromAnotherNumber) {
  EXPECT_THAT(said(workload("StatefulSet",
                            "  ordinals: {start: 3}\n  updateStrategy: {rollingUpdate: {partition: 2}}\n")),
              IsEmpty());
}

TEST(NodeRules, NodeNamesAreThoseOfTheCluster) {
  const std::string text = pod("nodeName: node-3, containers: [{name: main, image: nginx}]");
  EXPECT_THAT(said(text), ElementsAre("E spec.nodeName: the cluster has no node \"node-3\""));
  EXPECT_THAT(said(text + "---\napiVersion: labctl.dev/v1alpha1\nkind: Cluster\nspec: {nodes: 3}\n"),
              IsEmpty());
  LoadOptions running;
  running.allow_cluster = false;
  EXPECT_THAT(said(text, running), IsEmpty());
  running.known_nodes = {"left", "right"};
  EXPECT_THAT(said(text, running), ElementsAre("E spec.nodeName: the cluster has no node \"node-3\""));
}

TEST(NodeRules, ANodeSelectorThatFitsNoNodeIsAWarning) {
  const std::string text = pod("nodeSelector: {disk: ssd}, containers: [{name: main, image: nginx}]");
  EXPECT_THAT(said(text),
              ElementsAre("W spec.nodeSelector: no node has these labels, so the pods will stay Pending"));
  EXPECT_THAT(said(text + "---\napiVersion: v1\nkind: Node\nmetadata: {name: node-2, labels: {disk: ssd}}\n"),
              IsEmpty());
  EXPECT_THAT(
      said(pod("nodeSelector: {kubernetes.io/hostname: node-1, beta.kubernetes.io/os: linux}, "
               "containers: [{name: main, image: nginx}]")),
      ElementsAre(
          "W spec.nodeSelector[\"beta.kubernetes.io/os\"]: deprecated since v1.14; use \"kubernetes.io/os\" "
          "instead"));
  EXPECT_THAT(
      said(pod("nodeSelector: {kubernetes.io/os: windows}, containers: [{name: main, image: nginx}]")),
      ElementsAre("W spec.nodeSelector: no node has these labels, so the pods will stay Pending"));
}

TEST(NodeRules, AScenariosOwnClusterCounts) {
  const std::string text = pod("nodeName: node-5, containers: [{name: main, image: nginx}]");
  EXPECT_THAT(said(text + "---\napiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\n"
                          "spec: {cluster: {nodes: 5}, steps: [{name: a, apply: x.yaml}]}\n"),
              IsEmpty());
}

TEST(NamespaceRules, KnownOnesAreThoseBornDeclaredAndRunning) {
  const auto in = [](const std::string& ns) {
    return "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: " + ns +
           "}\nspec: {containers: [{name: main, image: nginx}]}\n";
  };
  EXPECT_THAT(said(in("kube-system")), IsEmpty());
  EXPECT_THAT(said(in("shop")), ElementsAre("E metadata.namespace: there is no namespace \"shop\""));
  EXPECT_THAT(said(in("shop") + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"), IsEmpty());
  LoadOptions running;
  running.known_namespaces = {"shop"};
  EXPECT_THAT(said(in("shop"), running), IsEmpty());
}

TEST(NamespaceRules, ANodeStandsInNone) {
  EXPECT_THAT(said("apiVersion: v1\nkind: Node\nmetadata: {name: node-1, namespace: shop}\n"),
              ElementsAre("W metadata.namespace: a Node stands in no namespace"));
}

TEST(PodRules, AHostnameOverrideStandsAlone) {
  const auto with = [](const std::string& fields) {
    return said(
        pod("hostnameOverride: db.example.org, " + fields + "containers: [{name: main, image: nginx}]"));
  };
  EXPECT_THAT(with("activeDeadlineSeconds: 1, "), IsEmpty());
  const std::string refused =
      "E spec.hostnameOverride: Invalid value: \"db.example.org\": may not be set when ";
  EXPECT_THAT(with("setHostnameAsFQDN: true, "), ElementsAre(refused + "setHostnameAsFQDN is true"));
  EXPECT_THAT(with("hostNetwork: true, "), ElementsAre(refused + "hostNetwork is true"));
}

TEST(KindRules, KindsForLaterWarnOnceAndAreLeftOut) {
  const std::string text =
      "apiVersion: v1\nkind: Event\nmetadata: {name: a}\n---\n"
      "apiVersion: v1\nkind: Event\nmetadata: {name: b}\n";
  EXPECT_THAT(said(text), ElementsAre("W kind: left out: Event is not acted on yet (2 times, first here)"));
  EXPECT_THAT(load({{"t.yaml", text}}, {}).objects, IsEmpty());
}

TEST(KindRules, DuplicatesAreFoundAcrossFilesAndKindsForLater) {
  const std::string secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n";
  const Loaded loaded = load({{"one.yaml", secret}, {"two.yaml", "# here\n" + secret}}, {});
  EXPECT_THAT(to_string(loaded.diagnostics.back()),
              "two.yaml:4:18: warning: metadata.name: a second Secret \"default/a\": it takes the place of "
              "the one at "
              "one.yaml:1:1\n"
              "  hint: as when kubectl applies one after the other; remove one, if that is not meant");
}

TEST(KindRules, OfSeveralObjectsOfOneNameTheLastWins) {
  const std::string service =
      "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: NodePort, ports: "
      "[{port: 80, nodePort: 30080}]}\n";
  const Loaded loaded = load({{"base.yaml", service + "---\n" + pod_of("args: [a]")},
                              {"overlay.yaml", service},
                              {"more.yaml", service + "---\n" + pod_of("args: [b]")}},
                             {});
  std::vector<std::string> said;
  for (const Diagnostic& one : loaded.diagnostics) {
    EXPECT_EQ(one.severity, Severity::Warning) << to_string(one);
    said.push_back(one.where.file + ": " + one.message);
  }
  EXPECT_THAT(
      said,
      testing::UnorderedElementsAre(
          "overlay.yaml: a second Service \"default/s\": it takes the place of the one at base.yaml:1:1",
          "more.yaml: a second Service \"default/s\": it takes the place of the one at overlay.yaml:1:1",
          "more.yaml: a second Pod \"default/web\": it takes the place of the one at base.yaml:6:1"));
  ASSERT_EQ(loaded.objects.size(), 2U);
  EXPECT_EQ(loaded.objects[0].where.file, "more.yaml");
  EXPECT_EQ(loaded.objects[1].json["spec"]["containers"][0]["args"], nlohmann::json{"b"});
}

TEST(KindRules, ScenariosOfOneNameAreAMistake) {
  const std::string scenario =
      "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: s}\nspec:\n  cluster: {nodes: 1}\n"
      "  steps: [{name: a, exec: {in: node/node-1, command: [true]}}]\n";
  EXPECT_THAT(said(scenario + "---\n" + scenario),
              testing::Contains("E metadata.name: a second Scenario \"s\""));
}

// ---- What kubectl sends --------------------------------------------------------------------------

TEST(AsSent, ATextSetToNothingIsUnset) {
  const std::string text =
      "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: \"\", generateName: ''}\nspec: {type: "
      "\"\", "
      "clusterIP: \"\", loadBalancerIP: \"\", externalTrafficPolicy: \"\", sessionAffinity: \"\", selector: "
      "{app: web}, "
      "ports: [{name: \"\", port: 80, protocol: \"\"}]}\n---\n" +
      pod("restartPolicy: '', dnsPolicy: '', nodeName: '', hostname: '', subdomain: '', containers: [{name: "
          "main, image: "
          "nginx, ports: [{name: '', containerPort: 80, hostIP: '', protocol: ''}], env: [{name: A, value: "
          "''}], "
          "readinessProbe: {httpGet: {path: '', port: 80, host: '', scheme: ''}}}]") +
      "---\n" +
      workload("StatefulSet", "  serviceName: ''\n  podManagementPolicy: ''\n  updateStrategy: {type: ''}\n");
  LoadOptions part;  // what the Service sends to is elsewhere
  part.is_whole = false;
  EXPECT_THAT(said(text, part), IsEmpty());
  const Loaded loaded = load({{"t.yaml", text}}, {});
  ASSERT_EQ(loaded.objects.size(), 3U);
  EXPECT_EQ(loaded.objects[0].ns, "default");
  EXPECT_EQ(loaded.objects[0].json["spec"]["ports"][0]["protocol"], "TCP");
  EXPECT_EQ(loaded.objects[0].json["spec"]["type"], "ClusterIP");
  EXPECT_EQ(loaded.objects[1].json["spec"]["restartPolicy"], "Always");
  EXPECT_FALSE(loaded.objects[1].json["spec"].contains("hostname"));
  EXPECT_EQ(loaded.objects[2].json["spec"]["podManagementPolicy"], "OrderedReady");
}

TEST(AsSent, WhatIsAPointerOrRequiredKeepsItsNothing) {
  EXPECT_THAT(
      said("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {internalTrafficPolicy: '', ports: "
           "[{port: 80}]}\n"),
      testing::Contains(testing::HasSubstr("E spec.internalTrafficPolicy: ")));
  EXPECT_THAT(said(pod("containers: [{name: '', image: nginx}]")),
              testing::Contains(testing::HasSubstr("E spec.containers[0].name: ")));
  EXPECT_THAT(said(pod("containers: [{name: a, image: nginx, env: [{name: ''}]}]")),
              testing::Contains(testing::HasSubstr("E spec.containers[0].env[0].name: ")));
}

TEST(AsSent, AWholeNumberMayBeWrittenAsAnother) {
  const std::string text =
      workload("Deployment", "  replicas: 2.0\n") + "---\n" + pod_of("ports: [{containerPort: 8.08e3}]");
  EXPECT_THAT(said(text), IsEmpty());
  const Loaded loaded = load({{"t.yaml", text}}, {});
  EXPECT_EQ(loaded.objects[0].json["spec"]["replicas"].dump(), "2");
  EXPECT_EQ(loaded.objects[1].json["spec"]["containers"][0]["ports"][0]["containerPort"].dump(), "8080");
  EXPECT_THAT(said(workload("Deployment", "  replicas: 2.5\n")),
              testing::Contains(testing::HasSubstr("E spec.replicas: must be a whole number")));
  EXPECT_THAT(said(workload("Deployment", "  replicas: 1e300\n")),
              testing::Contains(testing::HasSubstr("E spec.replicas: ")));
}

TEST(KindRules, OneNameInTwoNamespacesOrKindsIsNoDuplicate) {
  EXPECT_THAT(said(pod("containers: [{name: main, image: nginx}]") +
                   "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: kube-system}\nspec: "
                   "{containers: [{name: main, image: nginx}]}\n---\n" +
                   workload("Deployment", "")),
              IsEmpty());
}

}  // namespace
}  // namespace labctl::manifest
