// What files tell together: selectors that fit nothing, ports that nobody has, names of what no file has, commands
// that are dropped.

#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace labctl::manifest {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> said_of_all(const std::string& text, const LoadOptions& options = {}) {
  std::vector<std::string> said;
  for (const Diagnostic& one : load({{"f.yaml", text}}, options).diagnostics) {
    if (one.topic == Topic::None) {
      said.push_back((one.severity == Severity::Error ? "E " : "W ") + one.path + ": " + one.message + " (" +
                     std::to_string(one.times) + ") " + one.hint);
    }
  }
  return said;
}

std::string object_of(const std::string& version, const std::string& kind, const std::string& name,
                      const std::string& rest) {
  return "---\napiVersion: " + version + "\nkind: " + kind + "\nmetadata: {name: " + name + "}\n" + rest +
         "\n";
}

std::string service_of(const std::string& spec) {
  return object_of("v1", "Service", "web", "spec: {" + spec + "}");
}

std::string deployment_of(const std::string& container, const std::string& more = "") {
  return object_of(
      "apps/v1", "Deployment", "web",
      "spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web, tier: "
      "front}}, spec: {containers: [{name: c, image: \"shop/web:1\", " +
          container + "}]" + more + "}}}");
}

TEST(PodSelection, AServiceThatSelectsNothingIsToldOfWithTheNearest) {
  const std::string pods = deployment_of("ports: [{containerPort: 80}]");
  EXPECT_THAT(
      said_of_all(service_of("selector: {app: wbe}, ports: [{port: 80}]") + pods),
      ElementsAre(AllOf(HasSubstr("W spec.selector: no pod of the files has these labels in namespace "
                                  "\"default\", so the Service has no endpoints"),
                        HasSubstr("Deployment \"web\" has app: web"))));
  EXPECT_THAT(said_of_all(service_of("selector: {app: web, role: x}, ports: [{port: 80}]") + pods),
              ElementsAre(HasSubstr("Deployment \"web\" has no role")));
  EXPECT_THAT(said_of_all(service_of("selector: {app: web}, ports: [{port: 80}]") + pods), IsEmpty());
  EXPECT_THAT(said_of_all(service_of("ports: [{port: 80}]")), IsEmpty()) << "whoever writes its endpoints";
  EXPECT_THAT(said_of_all(service_of("selector: {app: x}, type: ExternalName, externalName: a.example")),
              IsEmpty());
}

TEST(PodSelection, PodsOfAnotherNamespaceAreNotMeant) {
  const std::string text = object_of("v1", "Namespace", "shop", "") +
                           "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"
                           "spec: {selector: {app: web}, ports: [{port: 80}]}\n" +
                           deployment_of("ports: [{containerPort: 80}]");
  EXPECT_THAT(said_of_all(text), ElementsAre(HasSubstr("Deployment \"web\" has them in namespace default")));
}

TEST(PodSelection, LabelsThatControllersGiveAreTakenAsThere) {
  const std::string set =
      object_of("apps/v1", "StatefulSet", "db",
                "spec: {selector: {matchLabels: {app: db}}, template: {metadata: {labels: "
                "{app: db}}, spec: {containers: [{name: c, image: db, ports: "
                "[{containerPort: 80}]}]}}}");
  EXPECT_THAT(
      said_of_all(service_of("selector: {statefulset.kubernetes.io/pod-name: db-0}, ports: [{port: 80}]") +
                  set),
      IsEmpty());
}

TEST(PodSelection, NothingIsSaidOfFilesThatAreNotAll) {
  const std::string text = service_of("selector: {app: web}, ports: [{port: 80}]");
  LoadOptions part;
  part.is_whole = false;
  EXPECT_THAT(said_of_all(text, part), IsEmpty());
  LoadOptions running;
  running.allow_cluster = false;
  EXPECT_THAT(said_of_all(text, running), IsEmpty());
  EXPECT_THAT(said_of_all(text + "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {}\n"),
              ElementsAre(HasSubstr("E spec.containers")));
}

TEST(PodSelection, ATargetPortIsOneThatPodsHave) {
  const std::string named = service_of("selector: {app: web}, ports: [{port: 80, targetPort: http}]");
  EXPECT_THAT(
      said_of_all(named + deployment_of("ports: [{name: web, containerPort: 80}]")),
      ElementsAre(AllOf(HasSubstr("W spec.ports[0].targetPort: no container of Deployment \"web\" has a TCP "
                                  "port named \"http\""),
                        HasSubstr("named are web"))));
  EXPECT_THAT(said_of_all(named + deployment_of("ports: [{name: http, containerPort: 80, protocol: UDP}]")),
              ElementsAre(HasSubstr("has a TCP port named")));
  EXPECT_THAT(said_of_all(named + deployment_of("ports: [{name: http, containerPort: 80}]")), IsEmpty());
  EXPECT_THAT(said_of_all(named + deployment_of("ports: []",
                                                ", initContainers: [{name: s, image: x, "
                                                "restartPolicy: Always, ports: [{name: http, "
                                                "containerPort: 8080}]}]")),
              IsEmpty())
      << "a sidecar's";
}

TEST(PodSelection, NothingListensWhereAStandInDoesNot) {
  const std::string service = service_of("selector: {app: web}, ports: [{port: 80, targetPort: 8080}]");
  EXPECT_THAT(
      said_of_all(service + deployment_of("ports: [{containerPort: 80}]")),
      ElementsAre(HasSubstr("W spec.ports[0].targetPort: nothing listens on port 8080/TCP of Deployment "
                            "\"web\": its image is stood in for")));
  EXPECT_THAT(
      said_of_all(service_of("selector: {app: web}, ports: [{port: 80}]") + deployment_of("ports: []")),
      ElementsAre(HasSubstr("W spec.ports[0].port: nothing listens on port 80/TCP")));
  EXPECT_THAT(said_of_all(service + deployment_of("readinessProbe: {tcpSocket: {port: 8080}}")), IsEmpty());
  EXPECT_THAT(said_of_all(service + deployment_of("ports: [{containerPort: 8080}]")), IsEmpty());
  EXPECT_THAT(said_of_all(service + deployment_of("ports: [{containerPort: 8080, protocol: UDP}]")),
              ElementsAre(HasSubstr("8080/TCP")));
  EXPECT_THAT(said_of_all(service + deployment_of("ports: []", ", hostNetwork: true")), IsEmpty());
  const std::string cluster =
      "---\napiVersion: labctl.dev/v1alpha1\nkind: Cluster\nmetadata: {name: c}\n"
      "spec: {images: [{match: \"shop/*\", command: [web]}]}\n";
  EXPECT_THAT(said_of_all(cluster + service + deployment_of("ports: []")), IsEmpty()) << "a program may";
  EXPECT_THAT(said_of_all(service_of("selector: {app: web}, clusterIP: None, ports: [{port: 99}]") +
                          deployment_of("ports: []")),
              IsEmpty());
}

TEST(PodSelection, ABudgetGuardsSomePod) {
  const auto budget = [](const std::string& selector) {
    return object_of("policy/v1", "PodDisruptionBudget", "b",
                     "spec: {minAvailable: 1, selector: " + selector + "}");
  };
  EXPECT_THAT(said_of_all(budget("{matchLabels: {app: x}}") + deployment_of("ports: []")),
              ElementsAre(HasSubstr("so it guards none")));
  EXPECT_THAT(said_of_all(budget("{matchExpressions: [{key: app, operator: In, values: [web]}]}") +
                          deployment_of("ports: []")),
              IsEmpty());
}

TEST(ObjectReferences, AnAccountThatNoFileHas) {
  const std::string pods = deployment_of("ports: []", ", serviceAccountName: api");
  EXPECT_THAT(said_of_all(pods),
              ElementsAre(HasSubstr("spec.template.spec.serviceAccountName: no file has the ServiceAccount "
                                    "\"default/api\", so a cluster would make no pod")));
  EXPECT_THAT(said_of_all(pods + object_of("v1", "ServiceAccount", "api", "")), IsEmpty());
  EXPECT_THAT(said_of_all(deployment_of("ports: []", ", serviceAccountName: default")), IsEmpty());
}

TEST(ObjectReferences, TheServiceOfAStatefulSetAndWhatIsScaled) {
  const std::string set =
      object_of("apps/v1", "StatefulSet", "db",
                "spec: {serviceName: db, selector: {matchLabels: {app: db}}, template: "
                "{metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: db}]}}}");
  EXPECT_THAT(said_of_all(set),
              ElementsAre(HasSubstr("W spec.serviceName: no file has the Service \"default/db\"")));
  const auto scaler = [](const std::string& name) {
    return object_of("autoscaling/v2", "HorizontalPodAutoscaler", "h",
                     "spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: " +
                         name + "}}");
  };
  EXPECT_THAT(
      said_of_all(scaler("wbe") + deployment_of("ports: []")),
      ElementsAre(HasSubstr("no file has the Deployment \"default/wbe\", so there is nothing to scale")));
  EXPECT_THAT(said_of_all(scaler("web") + deployment_of("ports: []")), IsEmpty());
}

TEST(ObjectReferences, AnIngressHasServicesBehindIt) {
  const auto ingress = [](const std::string& name, const std::string& port) {
    return object_of("networking.k8s.io/v1", "Ingress", "i",
                     "spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: " +
                         name + ", port: {" + port + "}}}}]}}]}");
  };
  const std::string rest = service_of("selector: {app: web}, ports: [{name: http, port: 80}]") +
                           deployment_of("ports: [{containerPort: 80}]");
  EXPECT_THAT(said_of_all(ingress("wbe", "number: 80") + rest),
              ElementsAre(HasSubstr("no file has the Service \"default/wbe\", so nothing answers behind")));
  EXPECT_THAT(said_of_all(ingress("web", "number: 81") + rest),
              ElementsAre(HasSubstr("the Service \"web\" has no port 81")));
  EXPECT_THAT(said_of_all(ingress("web", "name: http") + rest), IsEmpty());
}

TEST(ObjectReferences, ClaimsOfAStatefulSetAndJobsAreLookedAt) {
  const auto job = [](const std::string& claim) {
    return object_of(
        "batch/v1", "Job", "j",
        "spec: {template: {spec: {restartPolicy: Never, volumes: [{name: v, persistentVolumeClaim: "
        "{claimName: " +
            claim + "}}], containers: [{name: c, image: x}]}}}");
  };
  const std::string set = object_of(
      "apps/v1", "StatefulSet", "db",
      "spec: {selector: {matchLabels: {app: db}}, volumeClaimTemplates: [{metadata: {name: data}, spec: "
      "{accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}], template: {metadata: "
      "{labels: {app: db}}, spec: {containers: [{name: c, image: db}]}}}");
  EXPECT_THAT(said_of_all(job("data-db-0") + set), IsEmpty());
  EXPECT_THAT(said_of_all(job("data-db-x") + set),
              ElementsAre(HasSubstr("no file has the PersistentVolumeClaim \"default/data-db-x\"")));
}

TEST(StandIns, ACommandThatIsDroppedIsToldOfOnce) {
  LoadOptions tells;
  tells.tells_host_programs = true;
  const std::string text = deployment_of("command: [sh], args: [-c]",
                                         ", initContainers: [{name: i, image: x, args: "
                                         "[migrate]}]");
  EXPECT_THAT(said_of_all(text, tells),
              ElementsAre(HasSubstr("is not run: the image is stood in for (2) images: [{match: IMAGE")));
  EXPECT_THAT(said_of_all(text), IsEmpty()) << "who does not ask";
  const std::string agnhost =
      object_of("v1", "Pod", "p",
                "spec: {containers: [{name: c, image: registry.k8s.io/e2e-test-images/"
                "agnhost:2.47, args: [netexec]}]}");
  EXPECT_THAT(said_of_all(agnhost, tells), IsEmpty()) << "it is played";
}

}  // namespace
}  // namespace labctl::manifest
