// What becomes of objects whose kind a lab does not have, in files as applications publish them.

#include "topology/manifest/kinds/api_groups.hpp"

#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

namespace labctl::manifest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> said_of_kinds(const std::string& text, bool strict = false) {
  LoadOptions options;
  options.strict = strict;
  std::vector<std::string> out;
  for (const Diagnostic& d : load({{"t.yaml", text}}, options).diagnostics) {
    out.push_back((d.severity == Severity::Error ? "E " : "W ") + d.path + ": " + d.message +
                  (d.hint.empty() ? "" : " | " + d.hint));
  }
  return out;
}

std::string document_of(const std::string& api_version, const std::string& kind) {
  return "---\napiVersion: " + api_version + "\nkind: " + kind + "\nmetadata: {name: x}\n";
}

TEST(OtherGroups, AKindOfTheSameNameIsAnotherKind) {
  for (const auto& [version, kind] : std::vector<std::pair<const char*, const char*>>{
           {"serving.knative.dev/v1", "Service"},
           {"cluster.x-k8s.io/v1beta1", "Cluster"},
           {"crd.projectcalico.org/v1", "NetworkPolicy"},
           {"networking.internal.knative.dev/v1alpha1", "Ingress"},
           {"cert-manager.io/v1", "Certificate"},
           {"example.org/v1", "Pod"},
           {"example.org/v1", "List"},
           {"example.org/v1", "Scenario"}}) {
    const Loaded loaded =
        load({{"t.yaml", document_of(version, kind) + "spec: [1, {a: b}]\nitems: 5\n"}}, {});
    EXPECT_TRUE(loaded.objects.empty()) << kind;
    EXPECT_TRUE(loaded.scenarios.empty()) << kind;
    EXPECT_TRUE(loaded.unsound_scenarios.empty()) << kind;
    EXPECT_FALSE(loaded.cluster) << kind;
    ASSERT_EQ(loaded.diagnostics.size(), 1u) << kind;
    EXPECT_EQ(loaded.diagnostics[0].severity, Severity::Warning) << kind;
    EXPECT_EQ(loaded.diagnostics[0].message, "left out: \"" + std::string(kind) + "\" of \"" + version +
                                                 "\" is no kind of Kubernetes itself");
  }
}

TEST(OtherGroups, ObjectsOfOneNameDoNotMeet) {
  EXPECT_THAT(
      said_of_kinds(document_of("serving.knative.dev/v1", "Service") + document_of("v1", "Service") +
                    "spec: {ports: [{port: 80}]}\n" + document_of("serving.knative.dev/v1", "Service")),
      ElementsAre(HasSubstr("W kind: left out: \"Service\" of \"serving.knative.dev/v1\"")));
}

TEST(OtherGroups, TheyAreErrorsWhenStrict) {
  EXPECT_THAT(said_of_kinds(document_of("cert-manager.io/v1", "Certificate"), true),
              ElementsAre(HasSubstr("E kind: left out")));
}

TEST(OtherGroups, ThoseOfATypedListAreLeftOutWithIt) {
  EXPECT_THAT(said_of_kinds("apiVersion: example.org/v1\nkind: AllowList\nitems: [10.0.0.0/8]\n"),
              ElementsAre(HasSubstr("W kind: left out: \"AllowList\"")));
}

TEST(OtherGroups, AMisspeltGroupIsHintedAt) {
  EXPECT_THAT(said_of_kinds(document_of("networking.k8s.oi/v1", "Ingress")),
              ElementsAre(HasSubstr("| did you mean apiVersion: networking.k8s.io/v1?")));
}

TEST(OwnGroups, WhatNoApiServerServesIsSaidInItsWords) {
  EXPECT_THAT(
      said_of_kinds(document_of("extensions/v1beta1", "Deployment")),
      ElementsAre("E apiVersion: no matches for kind \"Deployment\" in version \"extensions/v1beta1\" | "
                  "use apiVersion: apps/v1"));
  EXPECT_THAT(
      said_of_kinds(document_of("extensions/v1beta1", "Ingress")),
      ElementsAre("E apiVersion: no matches for kind \"Ingress\" in version \"extensions/v1beta1\" | use "
                  "apiVersion: networking.k8s.io/v1; paths take a pathType, and backends are service: "
                  "{name, port}"));
  EXPECT_THAT(
      said_of_kinds(document_of("v1", "Servce")),
      ElementsAre("E kind: no matches for kind \"Servce\" in version \"v1\" | did you mean Service?"));
  EXPECT_THAT(said_of_kinds(document_of("policy/v1beta1", "PodSecurityPolicy")),
              ElementsAre("E kind: no matches for kind \"PodSecurityPolicy\" in version \"policy/v1beta1\" | "
                          "Kubernetes has none since 1.25: leave it out"));
  EXPECT_THAT(said_of_kinds(document_of("labctl.dev/v2", "Cluster")),
              ElementsAre("E apiVersion: no matches for kind \"Cluster\" in version \"labctl.dev/v2\" | use "
                          "apiVersion: labctl.dev/v1alpha1"));
}

TEST(OwnGroups, OldVersionsAreToldTheNewOne) {
  for (const auto& [version, kind, wanted] : std::vector<std::array<std::string, 3>>{
           {"apps/v1beta2", "StatefulSet", "apps/v1"},
           {"batch/v1beta1", "CronJob", "batch/v1"},
           {"policy/v1beta1", "PodDisruptionBudget", "policy/v1"},
           {"autoscaling/v2beta2", "HorizontalPodAutoscaler", "autoscaling/v2"},
           {"rbac.authorization.k8s.io/v1beta1", "ClusterRole", "rbac.authorization.k8s.io/v1"},
           {"apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", "apiextensions.k8s.io/v1"},
           {"v1", "Deployment", "apps/v1"},
           {"apps/v1", "Pod", "v1"},
           {"app/v1", "Deployment", "apps/v1"},
           {"events.k8s.io/v1beta1", "Event", "events.k8s.io/v1"}}) {
    const MissingKind missing = missing_kind(version, kind);
    EXPECT_TRUE(missing.is_error) << kind;
    EXPECT_TRUE(missing.is_wrong_version) << kind;
    EXPECT_EQ(missing.hint.substr(0, missing.hint.find(';')), "use apiVersion: " + wanted) << kind;
  }
}

TEST(OwnGroups, WhatALabDoesNotActOnIsLeftOut) {
  EXPECT_THAT(said_of_kinds(document_of("apiextensions.k8s.io/v1", "CustomResourceDefinition") +
                            document_of("apiextensions.k8s.io/v1", "CustomResourceDefinition")),
              ElementsAre(HasSubstr("W kind: left out: a lab does not act on CustomResourceDefinition of "
                                    "apiextensions.k8s.io/v1")));
}

TEST(OwnGroups, HoldEveryKindOfALab) {
  const std::regex own(own_groups_pattern());
  for (const Kind& kind : kinds()) {
    const bool is_ours = kind.support == Support::Lab;
    EXPECT_EQ(is_own_group(group_of(kind.api_version)), !is_ours) << kind.name;
    EXPECT_EQ(std::regex_match(std::string(kind.api_version), own), !is_ours) << kind.name;
    // Misspelt, it is still known what was meant.
    EXPECT_EQ(missing_kind(kind.api_version, std::string(kind.name) + "s").hint,
              "did you mean " + std::string(kind.name) + "?");
  }
  EXPECT_FALSE(std::regex_match("serving.knative.dev/v1", own));
  EXPECT_FALSE(std::regex_match("gateway.networking.k8s.io/v1", own));
}

}  // namespace
}  // namespace labctl::manifest
