// What an API server warns of, in its words (Kubernetes, pkg/api/*/warnings.go).

#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace labctl::manifest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// "path: message" of warnings without a topic, with how often.
std::vector<std::string> api_warnings(const std::string& text) {
  LoadOptions part;
  part.is_whole = false;
  std::vector<std::string> said;
  for (const Diagnostic& one : load({{"f.yaml", text}}, part).diagnostics) {
    EXPECT_EQ(one.severity, Severity::Warning) << to_string(one);
    if (one.topic == Topic::None) {
      said.push_back(one.path + ": " + one.message + (one.times > 1 ? " x" + std::to_string(one.times) : ""));
    }
  }
  return said;
}

std::string deprecated_pod(const std::string& spec, const std::string& annotations = "") {
  return "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {" + annotations +
         "}}\nspec: {containers: [{name: c, image: x}], " + spec + "}\n";
}

std::string deprecated_template(const std::string& container, const std::string& annotations = "") {
  return "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {selector: {matchLabels: "
         "{a: b}}, "
         "template: {metadata: {labels: {a: b}, annotations: {" +
         annotations + "}}, spec: {containers: [{name: c, image: x, " + container + "}]}}}\n";
}

std::string deprecated_service(const std::string& spec, const std::string& annotations = "") {
  return "---\napiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {" + annotations +
         "}}\nspec: {" + spec + "}\n";
}

TEST(Deprecations, EndpointsAreOneLineHoweverMany) {
  const std::string one = "---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: ";
  EXPECT_THAT(
      api_warnings(one + "a}\n" + one + "b}\n"),
      ElementsAre("kind: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice x2"));
}

TEST(Deprecations, OfServices) {
  EXPECT_THAT(
      api_warnings(deprecated_service("externalIPs: [192.0.2.1], ports: [{port: 80}]")),
      ElementsAre("spec.externalIPs: spec.externalIPs is deprecated and may no longer be implemented in "
                  "some clusters"));
  EXPECT_THAT(api_warnings(
                  deprecated_service("externalIPs: [192.0.2.1], clusterIP: None, sessionAffinity: ClientIP")),
              ElementsAre("spec.externalIPs: spec.externalIPs is ignored for headless services",
                          "spec.sessionAffinity: spec.SessionAffinity is ignored for headless services"));
  EXPECT_THAT(
      api_warnings(deprecated_service("trafficDistribution: PreferClose, ports: [{port: 80}]",
                                      "service.kubernetes.io/topology-aware-hints: auto")),
      ElementsAre("metadata.annotations[\"service.kubernetes.io/topology-aware-hints\"]: annotation "
                  "service.kubernetes.io/topology-aware-hints is deprecated, please use "
                  "service.kubernetes.io/topology-mode instead",
                  "spec.trafficDistribution: spec.trafficDistribution: \"PreferClose\" is deprecated; use "
                  "\"PreferSameZone\""));
  EXPECT_THAT(api_warnings(deprecated_service(
                  "trafficDistribution: PreferSameZone, sessionAffinity: ClientIP, ports: [{port: "
                  "80}]")),
              IsEmpty());
}

TEST(Deprecations, NodeLabelsOfPods) {
  const std::string os = "nodeSelector: {beta.kubernetes.io/os: linux}";
  std::string other = deprecated_pod(os);
  other.replace(other.find("{name: p,"), 9, "{name: q,");
  EXPECT_THAT(api_warnings(deprecated_pod(os) + other),
              testing::Contains("spec.nodeSelector[\"beta.kubernetes.io/os\"]: deprecated since v1.14; use "
                                "\"kubernetes.io/os\" instead x2"));
  EXPECT_THAT(
      api_warnings(
          deprecated_pod("topologySpreadConstraints: [{maxSkew: 1, topologyKey: "
                         "failure-domain.beta.kubernetes.io/zone, whenUnsatisfiable: ScheduleAnyway, "
                         "labelSelector: {}}]")),
      ElementsAre("spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is "
                  "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"));
  EXPECT_THAT(
      api_warnings(
          deprecated_pod("affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: "
                         "[{weight: 1, preference: {matchExpressions: [{key: beta.kubernetes.io/arch, "
                         "operator: Exists}]}}]}}")),
      ElementsAre("spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference."
                  "matchExpressions[0].key: beta.kubernetes.io/arch is deprecated since v1.14; use "
                  "\"kubernetes.io/arch\" instead"));
}

TEST(Deprecations, AnnotationsThatFieldsHaveTakenThePlaceOf) {
  EXPECT_THAT(
      api_warnings(deprecated_pod("restartPolicy: Always",
                                  "seccomp.security.alpha.kubernetes.io/pod: runtime/default")),
      ElementsAre("metadata.annotations[\"seccomp.security.alpha.kubernetes.io/pod\"]: non-functional in "
                  "v1.27+; use the \"seccompProfile\" field instead"));
  EXPECT_THAT(api_warnings(deprecated_pod("securityContext: {seccompProfile: {type: RuntimeDefault}}",
                                          "seccomp.security.alpha.kubernetes.io/pod: runtime/default")),
              IsEmpty());
  const std::string armor = "container.apparmor.security.beta.kubernetes.io/c: unconfined";
  EXPECT_THAT(
      api_warnings(deprecated_template("args: []", armor)),
      ElementsAre("spec.template.metadata.annotations[\"container.apparmor.security.beta.kubernetes.io/c\"]: "
                  "deprecated since v1.30; use the \"appArmorProfile\" field instead"));
  EXPECT_THAT(
      api_warnings(deprecated_template("securityContext: {appArmorProfile: {type: Unconfined}}", armor)),
      IsEmpty());
  EXPECT_THAT(
      api_warnings("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, annotations: "
                   "{kubernetes.io/ingress.class: nginx}}\nspec: {defaultBackend: {service: {name: s, port: "
                   "{number: 80}}}}\n"),
      ElementsAre("metadata.annotations[\"kubernetes.io/ingress.class\"]: annotation "
                  "\"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' "
                  "instead"));
  EXPECT_THAT(
      api_warnings("apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: i, annotations: "
                   "{volume.beta.kubernetes.io/storage-class: fast}}\nspec: {accessModes: [ReadWriteOnce], "
                   "resources: {requests: {storage: 1Gi}}}\n"),
      ElementsAre("metadata.annotations[\"volume.beta.kubernetes.io/storage-class\"]: deprecated since v1.8; "
                  "use \"storageClassName\" attribute instead"));
}

TEST(Deprecations, AVariableHidesAnotherOfItsNameUnlessItUsesIt) {
  EXPECT_THAT(
      api_warnings(deprecated_template("env: [{name: A, value: x}, {name: A, value: y}]")),
      ElementsAre("spec.template.spec.containers[0].env[1].name: hides previous definition of \"A\", which "
                  "may be dropped when using apply"));
  EXPECT_THAT(api_warnings(deprecated_template("env: [{name: A, value: x}, {name: A, value: $(A)}]")),
              testing::SizeIs(1));
  EXPECT_THAT(api_warnings(deprecated_template("env: [{name: A, value: x}, {name: A, value: $(A):y}]")),
              IsEmpty());
  EXPECT_THAT(api_warnings(deprecated_template("ports: [{containerPort: 80, hostIP: 127.0.0.1}]")),
              ElementsAre("spec.template.spec.containers[0].ports[0].hostIP: hostIP set without hostPort"));
}

}  // namespace
}  // namespace labctl::manifest
