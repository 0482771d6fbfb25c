// Kinds that are kept and shown: what their tables refuse, and what the API server fills in.

#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace labctl::manifest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string kept(const std::string& api_version, const std::string& kind, const std::string& rest) {
  return "---\napiVersion: " + api_version + "\nkind: " + kind + "\nmetadata: {name: x}\n" + rest + "\n";
}

// Of the objects alone: what they name is elsewhere.
std::vector<std::string> errors_in(const std::string& text) {
  LoadOptions part;
  part.is_whole = false;
  std::vector<std::string> out;
  for (const Diagnostic& d : load({{"t.yaml", text}}, part).diagnostics) {
    if (d.severity == Severity::Error || d.topic != Topic::KeptOnly) {
      out.push_back(d.path + ": " + d.message);
    }
  }
  return out;
}

nlohmann::json loaded_object(const std::string& text) {
  const Loaded loaded = load({{"t.yaml", text}}, {});
  EXPECT_FALSE(has_errors(loaded.diagnostics));
  return loaded.objects.empty() ? nlohmann::json() : loaded.objects.front().json;
}

// One sound object of each kind, with most of what it may say.
const char* const kAll = R"(
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [{port: http}]}]
  egress: [{to: [{namespaceSelector: {}}], ports: [{port: 53, protocol: UDP}, {port: 8000, endPort: 9000}]}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: nginx
  tls: [{hosts: [web.example.org], secretName: web}]
  rules:
  - host: "*.example.org"
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 50%, selector: {matchLabels: {app: web}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 5
  metrics:
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}
  - {type: Pods, pods: {metric: {name: rps}, target: {type: AverageValue, averageValue: 1k}}}
  behavior: {scaleDown: {policies: [{type: Percent, value: 10, periodSeconds: 60}]}}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1000
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: all}
spec: {hard: {requests.cpu: 500m, pods: 10, limits.memory: 1Gi}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: all}
spec: {limits: [{type: Container, default: {cpu: 100m}, max: {memory: 1e9}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: "web:reader"}
rules: [{apiGroups: [""], resources: [pods, pods/log], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "system:web"}
rules: [{nonResourceURLs: [/metrics], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: web}
roleRef: {kind: Role, name: "web:reader", apiGroup: rbac.authorization.k8s.io}
subjects: [{kind: ServiceAccount, name: web, namespace: default}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: web}
roleRef: {kind: ClusterRole, name: "system:web", apiGroup: rbac.authorization.k8s.io}
subjects: [{kind: Group, name: "system:nodes", apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: leader}
spec: {holderIdentity: web-0, leaseDurationSeconds: 15, renewTime: "2026-01-01T00:00:00.000000Z"}
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: gvisor}
handler: runsc
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: web}
webhooks:
- name: web.example.org
  clientConfig: {service: {namespace: default, name: web, path: /validate}}
  rules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods]}]
  sideEffects: None
  admissionReviewVersions: [v1]
)";

TEST(KeptKinds, AreKeptAsTheyAreAndSaidOncePerKind) {
  LoadOptions part;  // what they name is elsewhere
  part.is_whole = false;
  const Loaded loaded =
      load({{"t.yaml", std::string(kAll) + kept("coordination.k8s.io/v1", "Lease", "spec: {}")}}, part);
  EXPECT_EQ(loaded.objects.size(), 16u);
  int kept_kinds = 0;
  for (const Diagnostic& d : loaded.diagnostics) {
    EXPECT_EQ(d.topic, Topic::KeptOnly) << to_string(d);
    EXPECT_EQ(d.severity, Severity::Warning) << to_string(d);
    EXPECT_EQ(d.times, d.subject == "Lease" ? 2 : 1) << to_string(d);
    ++kept_kinds;
  }
  EXPECT_EQ(kept_kinds, 12);  // a PriorityClass, a ResourceQuota and a LimitRange have an effect
}

TEST(KeptKinds, WhatQuotasAndLimitRangesDoNotDoIsSaid) {
  std::vector<std::string> subjects;
  for (const Diagnostic& d :
       load({{"t.yaml", kept("v1", "ResourceQuota",
                             "spec: {hard: {services: 2, pods: 3, limits.cpu: 1, "
                             "requests.storage: 5Gi}}") +
                            kept("v1", "LimitRange",
                                 "spec: {limits: [{type: Pod, max: {cpu: 1}}, {type: Container, "
                                 "min: {cpu: 1}, maxLimitRequestRatio: {cpu: 2}}]}")}},
            {})
           .diagnostics) {
    EXPECT_EQ(d.topic, Topic::NoEffect) << to_string(d);
    subjects.push_back(d.subject);
  }
  EXPECT_THAT(subjects, testing::UnorderedElementsAre("services", "requests.storage", "limits of type Pod",
                                                      "maxLimitRequestRatio"));
}

TEST(KeptKinds, AreErrorsWhenStrictOnlyWhereALabShouldActOnThem) {
  LoadOptions strict;
  strict.strict = true;
  std::vector<std::string> errors;
  for (const Diagnostic& d : load({{"t.yaml", kAll}}, strict).diagnostics) {
    if (d.severity == Severity::Error) {
      errors.push_back(d.subject);
    }
  }
  EXPECT_THAT(errors, ElementsAre("NetworkPolicy", "Ingress"));
}

TEST(KeptKinds, AScalerOfV1IsKeptAsOneOfV2) {
  const nlohmann::json scaler =
      loaded_object(kept("autoscaling/v1", "HorizontalPodAutoscaler",
                         "spec: {maxReplicas: 3, scaleTargetRef: {kind: Deployment, name: web}, "
                         "targetCPUUtilizationPercentage: 60}"));
  EXPECT_EQ(scaler["apiVersion"], "autoscaling/v2");
  EXPECT_EQ(scaler["spec"]["minReplicas"], 1);
  EXPECT_FALSE(scaler["spec"].contains("targetCPUUtilizationPercentage"));
  EXPECT_EQ(scaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 60);
}

TEST(KeptKinds, HaveTheDefaultsOfTheApiServer) {
  EXPECT_EQ(
      loaded_object(kept("networking.k8s.io/v1", "NetworkPolicy", "spec: {podSelector: {}, egress: []}"))
          .at("/spec/policyTypes"_json_pointer),
      nlohmann::json({"Ingress", "Egress"}));
  EXPECT_EQ(loaded_object(kept("scheduling.k8s.io/v1", "PriorityClass", "value: 1"))["preemptionPolicy"],
            "PreemptLowerPriority");
  EXPECT_EQ(loaded_object(kept("rbac.authorization.k8s.io/v1", "RoleBinding",
                               "roleRef: {kind: Role, name: a}\nsubjects: [{kind: User, name: b}]"))
                .at("/subjects/0/apiGroup"_json_pointer),
            "rbac.authorization.k8s.io");
}

TEST(KeptKinds, AreHeldToTheRulesOfTheApiServer) {
  const std::string rbac = "rbac.authorization.k8s.io/v1";
  const std::string net = "networking.k8s.io/v1";
  EXPECT_THAT(
      errors_in(kept("policy/v1", "PodDisruptionBudget", "spec: {minAvailable: 1, maxUnavailable: 1}")),
      ElementsAre("spec: Invalid value: minAvailable and maxUnavailable cannot be both set"));
  EXPECT_THAT(
      errors_in(kept("autoscaling/v2", "HorizontalPodAutoscaler",
                     "spec: {minReplicas: 3, maxReplicas: 2, scaleTargetRef: {kind: A, name: b}}")),
      ElementsAre("spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`"));
  EXPECT_THAT(
      errors_in(kept("v1", "ResourceQuota", "spec: {hard: {cpu: 1 core}}")),
      ElementsAre("spec.hard.cpu: Invalid value: \"1 core\": quantities must match the regular expression "
                  "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"));
  EXPECT_THAT(
      errors_in(kept(rbac, "ClusterRole", "rules: [{apiGroups: [\"\"], resources: [pods], verbs: []}]")),
      ElementsAre("rules[0].verbs: must not be empty"));
  EXPECT_THAT(errors_in(kept(rbac, "RoleBinding",
                             "roleRef: {kind: Role, name: a}\nsubjects: [{kind: "
                             "ServiceAccount, name: b}]")),
              ElementsAre("subjects[0].namespace: Required value"));
  EXPECT_THAT(errors_in(kept(net, "NetworkPolicy", "spec: {podSelector: {}, ingress: [{from: [{}]}]}")),
              ElementsAre("spec.ingress[0].from[0]: Required value: must specify a peer"));
  EXPECT_THAT(
      errors_in(kept(net, "Ingress",
                     "spec: {rules: [{http: {paths: [{path: x, pathType: Prefix, "
                     "backend: {service: {name: a, port: {number: 80}}}}]}}]}")),
      ElementsAre("spec.rules[0].http.paths[0].path: Invalid value: \"x\": must be an absolute path"));
  EXPECT_THAT(
      errors_in(kept("scheduling.k8s.io/v1", "PriorityClass", "value: 2000000000")),
      ElementsAre("value: Forbidden: maximum allowed value of a user defined priority is 1000000000"));
}

TEST(KeptKinds, TakeWhatIsAQuantity) {
  for (const char* good : {"1", "0.5", "100m", "64Mi", "1e3", "1E-3", "+2", "-1", "1.5Gi", ".5", "\"2\""}) {
    EXPECT_THAT(errors_in(kept("v1", "ResourceQuota", std::string("spec: {hard: {cpu: ") + good + "}}")),
                IsEmpty())
        << good;
  }
  for (const char* bad : {"512MB", "1 core", "m", "\"\"", "1.2.3", "1e", "true", "[1]", "1KI"}) {
    EXPECT_EQ(errors_in(kept("v1", "ResourceQuota", std::string("spec: {hard: {cpu: ") + bad + "}}")).size(),
              1u)
        << bad;
  }
}

TEST(PriorityClasses, APodOfAnUnknownOneIsRefused) {
  const std::string spec = "{priorityClassName: high, containers: [{name: a, image: b}]}";
  const std::string pod = kept("v1", "Pod", "spec: " + spec);
  EXPECT_THAT(errors_in(pod),
              ElementsAre("spec.priorityClassName: is forbidden: no PriorityClass with name high "
                          "was found"));
  EXPECT_THAT(errors_in(pod + "---\napiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: "
                              "high}\nvalue: 1\n"),
              IsEmpty());
  EXPECT_THAT(
      errors_in(kept("v1", "Pod",
                     "spec: {priorityClassName: system-node-critical, containers: [{name: a, image: b}]}")),
      IsEmpty());
  EXPECT_THAT(
      errors_in(kept("apps/v1", "Deployment",
                     "spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: " +
                         spec + "}}")),
      ElementsAre("spec.template.spec.priorityClassName: no PriorityClass with name high was found, so no "
                  "pod will be made"));
}

}  // namespace
}  // namespace labctl::manifest
