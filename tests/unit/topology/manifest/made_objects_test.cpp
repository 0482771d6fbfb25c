#include "topology/manifest/made_objects.hpp"

#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>

namespace labctl::manifest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::string> names_of_objects(const Loaded& loaded) {
  std::vector<std::string> names;
  for (const Object& object : loaded.objects) {
    names.push_back(object.kind + " " + object.ns + "/" + object.name);
  }
  return names;
}

std::string owned(const std::string& kind, const std::string& name, const std::string& owner_kind,
                  const std::string& owner) {
  const std::string of = "{apiVersion: apps/v1, kind: " + owner_kind + ", name: " + owner +
                         ", uid: x, controller: true, blockOwnerDeletion: true}";
  const bool is_pod = kind == "Pod";
  return "---\napiVersion: " + std::string(is_pod ? "v1" : "apps/v1") + "\nkind: " + kind +
         "\nmetadata: {name: " + name + ", labels: {app: web}, ownerReferences: [" + of + "]}\nspec: {" +
         (is_pod ? "containers: [{name: c, image: x}]"
                 : "selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: "
                   "{containers: [{name: c, image: x}]}}") +
         "}\n";
}

constexpr const char* kWeb =
    "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {selector: {matchLabels: {app: "
    "web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: x}]}}}\n";

// As kubeadm has them, at the address of another range.
constexpr const char* kKubeadm = R"(---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec: {clusterIP: 10.43.0.10, selector: {k8s-app: kube-dns}, ports: [{port: 53, protocol: UDP}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: kube-dns}}
  template: {metadata: {labels: {k8s-app: kube-dns}}, spec: {containers: [{name: coredns, image: coredns}]}}
---
apiVersion: v1
kind: Service
metadata: {name: kubernetes, labels: {component: apiserver, provider: kubernetes}}
spec: {clusterIP: 10.43.0.1, ports: [{port: 443}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kubernetes, labels: {kubernetes.io/service-name: kubernetes}}
addressType: IPv4
endpoints: [{addresses: [172.18.0.2]}]
ports: [{port: 6443}]
---
apiVersion: v1
kind: Service
metadata: {name: metrics, namespace: kube-system}
spec: {ports: [{port: 443}]}
)";

TEST(MadeObjects, WhatAnObjectOfTheFilesControlsIsMadeAgain) {
  const std::string text = std::string(kWeb) + owned("ReplicaSet", "web-1", "Deployment", "web") +
                           owned("Pod", "web-1-a", "ReplicaSet", "web-1") +
                           owned("Pod", "web-1-b", "ReplicaSet", "web-1");
  const Loaded loaded = load({{"t.yaml", text}}, {});
  EXPECT_THAT(names_of_objects(loaded), ElementsAre("Deployment default/web"));
  ASSERT_THAT(loaded.diagnostics, SizeIs(1));
  EXPECT_EQ(loaded.diagnostics[0].message, "left out: its owner is in the files and makes it again");
  EXPECT_EQ(loaded.diagnostics[0].times, 3U);
}

TEST(MadeObjects, WhatSomebodyElseControlsStays) {
  const Loaded loaded = load({{"t.yaml", owned("Pod", "web-1-a", "ReplicaSet", "web-1")}}, {});
  EXPECT_THAT(names_of_objects(loaded), ElementsAre("Pod default/web-1-a"));
}

TEST(MadeObjects, DnsAndTheApisServiceAreTheLabsOwn) {
  const Loaded loaded = load({{"t.yaml", kKubeadm}}, {});
  EXPECT_THAT(names_of_objects(loaded), ElementsAre("Service kube-system/metrics"));
  EXPECT_FALSE(has_errors(loaded.diagnostics)) << "addresses of another cluster are nobody's mistake";
}

TEST(MadeObjects, WithoutDnsOfTheLabThoseOfTheFilesAreBooted) {
  const Loaded loaded = load({{"t.yaml",
                               "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nspec: {dns: "
                               "{enabled: false}, network: {serviceCIDRs: [10.43.0.0/16]}}\n" +
                                   std::string(kKubeadm)}},
                             {});
  EXPECT_THAT(names_of_objects(loaded),
              ElementsAre("Service kube-system/kube-dns", "Deployment kube-system/coredns",
                          "Service kube-system/metrics"));
}

TEST(MadeObjects, AServiceKubernetesOfTheUsersStays) {
  const Loaded loaded =
      load({{"t.yaml",
             "apiVersion: v1\nkind: Service\nmetadata: {name: kubernetes}\nspec: {ports: [{port: "
             "443}]}\n"}},
           {});
  EXPECT_THAT(names_of_objects(loaded), ElementsAre("Service default/kubernetes"));
  EXPECT_THAT(loaded.diagnostics, IsEmpty());
}

TEST(MadeObjects, ARunningLabTakesThemAsTheyAre) {
  LoadOptions running;
  running.allow_cluster = false;
  running.leaves_out_made = false;
  running.known_network = model::default_cluster("x").network;
  const Loaded loaded = load({{"t.yaml", kKubeadm}}, running);
  EXPECT_THAT(names_of_objects(loaded), SizeIs(5));
  EXPECT_TRUE(has_errors(loaded.diagnostics));
}

}  // namespace
}  // namespace labctl::manifest
