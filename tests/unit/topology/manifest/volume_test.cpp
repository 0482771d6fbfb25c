// Volumes, their mounts and the sources of variables in files.

#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace labctl::manifest {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> said_of_volumes(const std::string& spec) {
  std::vector<std::string> out;
  const std::string text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {" + spec + "}\n";
  for (const Diagnostic& d : load({{"t.yaml", text}}, {}).diagnostics) {
    out.push_back((d.severity == Severity::Error ? "E " : "W ") + d.path + ": " + d.message);
  }
  return out;
}

std::string mounted(const std::string& volumes, const std::string& mounts) {
  return "volumes: [" + volumes + "], containers: [{name: c, image: x, volumeMounts: [" + mounts + "]}]";
}

TEST(VolumeRules, NamesOfVolumesAndMountsFit) {
  EXPECT_THAT(said_of_volumes(mounted("{name: data, emptyDir: {}}, {name: data, emptyDir: {}}",
                                      "{name: missing, mountPath: /a}")),
              ElementsAre("E spec.volumes[1].name: Duplicate value: \"data\"",
                          "E spec.containers[0].volumeMounts[0].name: Not found: \"missing\""));
  EXPECT_THAT(said_of_volumes(mounted("{name: a}", "{name: a, mountPath: /a}, {name: a, mountPath: /a}")),
              ElementsAre(HasSubstr("must be unique")));
}

TEST(VolumeRules, AVolumeIsOfOneKind) {
  EXPECT_THAT(
      said_of_volumes(mounted("{name: a, emptyDir: {}, hostPath: {path: /x}}", "{name: a, mountPath: /a}")),
      ElementsAre(HasSubstr("may not specify more than 1 volume type")));
}

TEST(VolumeRules, PathsStayInside) {
  for (const char* path : {"../x", "/x", "a/../../x"}) {
    EXPECT_THAT(said_of_volumes(mounted("{name: a, emptyDir: {}}",
                                        "{name: a, mountPath: /a, subPath: " + std::string(path) + "}")),
                ElementsAre(HasSubstr("Invalid value")))
        << path;
  }
}

TEST(VolumeRules, WhatNoFileHasIsWarnedOfOnce) {
  EXPECT_THAT(
      said_of_volumes(mounted("{name: a, configMap: {name: app}}, {name: b, configMap: {name: app}}, "
                              "{name: c, secret: {secretName: s, optional: true}}, "
                              "{name: d, persistentVolumeClaim: {claimName: disk}}",
                              "{name: a, mountPath: /a}")),
      ElementsAre(HasSubstr("W spec.volumes[0].configMap.name: no file has the ConfigMap \"default/app\""),
                  HasSubstr("no file has the PersistentVolumeClaim \"default/disk\"")));
}

TEST(VolumeRules, ASecretThatAStandInMakesIsNotMissed) {
  const std::string job =
      "apiVersion: batch/v1\nkind: Job\nmetadata: {name: create}\nspec:\n  template:\n    spec:\n"
      "      restartPolicy: Never\n      containers: [{name: c, image: r/kube-webhook-certgen:1, "
      "args: [create, --namespace=$(POD_NAMESPACE), --secret-name=hook]}]\n";
  const std::string pod =
      "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {" +
      mounted("{name: a, secret: {secretName: hook}}, {name: b, secret: {secretName: hooks}}",
              "{name: a, mountPath: /a}") +
      "}\n";
  const std::vector<Diagnostic> said = load({{"t.yaml", job + pod}}, {}).diagnostics;
  ASSERT_EQ(said.size(), 1u);
  EXPECT_THAT(said[0].message, HasSubstr("no file has the Secret \"default/hooks\""));
}

TEST(VolumeRules, AStatefulSetsTemplatesAreVolumes) {
  const std::string text =
      "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n"
      "  selector: {matchLabels: {app: db}}\n  volumeClaimTemplates:\n  - metadata: {name: data}\n"
      "    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n"
      "  template:\n    metadata: {labels: {app: db}}\n"
      "    spec: {containers: [{name: c, image: x, volumeMounts: [{name: data, mountPath: /data}]}]}\n";
  EXPECT_THAT(load({{"t.yaml", text}}, {}).diagnostics, IsEmpty());
}

std::string claim_of_class(const std::string& name, const std::string& of_class) {
  return "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: " + name +
         "}\nspec: {accessModes: [ReadWriteOnce], storageClassName: " + of_class +
         ", resources: {requests: {storage: 1Gi}}}\n";
}

TEST(StorageClasses, ThatNoFileHasAreOneLineEach) {
  const std::string set =
      "---\napiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {clusterIP: None, selector: {app: "
      "db}}\n"
      "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n  serviceName: db\n"
      "  selector: {matchLabels: {app: db}}\n  volumeClaimTemplates:\n  - metadata: {name: data}\n"
      "    spec: {accessModes: [ReadWriteOnce], storageClassName: gp2, resources: {requests: {storage: "
      "1Gi}}}\n"
      "  template:\n    metadata: {labels: {app: db}}\n    spec: {containers: [{name: c, image: x}]}\n";
  const std::vector<Diagnostic> said =
      load({{"t.yaml", claim_of_class("a", "gp2") + claim_of_class("b", "premium-rwo") + set}}, {})
          .diagnostics;
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(said[0].topic, Topic::StoodIn);
  EXPECT_EQ(said[0].subject, "StorageClass gp2");
  EXPECT_EQ(said[0].times, 2);
  EXPECT_EQ(said[0].message,
            "no file has the StorageClass \"gp2\": the lab's own stands in for it, where a cluster "
            "would leave the claim Pending");
  EXPECT_EQ(said[1].subject, "StorageClass premium-rwo");
}

TEST(StorageClasses, OfTheLabTheFilesAndTheirVolumesAreKnown) {
  const std::string gp2 =
      "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: gp2}\nprovisioner: "
      "ebs.csi.aws.com\n";
  const std::string disk =
      "---\napiVersion: v1\nkind: PersistentVolume\nmetadata: {name: disk}\nspec: {accessModes: "
      "[ReadWriteOnce], "
      "capacity: {storage: 1Gi}, storageClassName: manual, hostPath: {path: /data}}\n";
  EXPECT_THAT(load({{"t.yaml", gp2 + disk + claim_of_class("a", "gp2") + claim_of_class("b", "manual") +
                                   claim_of_class("c", "standard") + claim_of_class("d", "''")}},
                   {})
                  .diagnostics,
              IsEmpty());
}

TEST(EnvRules, SourcesAreCheckedAndKept) {
  const std::string ok =
      "containers: [{name: c, image: x, envFrom: [{configMapRef: {name: a, optional: true}, prefix: P_}], "
      "env: "
      "[{name: A, valueFrom: {secretKeyRef: {name: s, key: k, optional: true}}}, "
      "{name: B, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}}]}]";
  EXPECT_THAT(said_of_volumes(ok), IsEmpty());
  EXPECT_THAT(said_of_volumes("containers: [{name: c, image: x, envFrom: [{prefix: P_}]}]"),
              Contains(HasSubstr("must specify one of: `configMapRef` or `secretRef`")));
}

}  // namespace
}  // namespace labctl::manifest
