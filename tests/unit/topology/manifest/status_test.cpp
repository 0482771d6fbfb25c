// Metadata and status, of files and of what clients send: typed by the tables of the API.

#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::manifest {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

std::vector<std::string> lines_of(const std::vector<Diagnostic>& diagnostics) {
  std::vector<std::string> out;
  for (const Diagnostic& d : diagnostics) {
    out.push_back((d.severity == Severity::Error ? "E " : "W ") + d.path + ": " + d.message);
  }
  return out;
}

std::vector<std::string> complaint_of(const std::string& metadata, const std::string& status = "") {
  return lines_of(load({{"t.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: web" + metadata +
                                       "}\nspec: {containers: [{name: c, image: nginx}]}\n" + status}},
                       {})
                      .diagnostics);
}

const std::string kOwner = "apiVersion: v1, kind: Pod, name: a, uid: x";

TEST(Metadata, OwnersAreAListOfObjects) {
  EXPECT_THAT(
      complaint_of(", ownerReferences: [{" + kOwner + ", controller: true, blockOwnerDeletion: false}]"),
      IsEmpty());
  EXPECT_THAT(complaint_of(", ownerReferences: 5"),
              ElementsAre("E metadata.ownerReferences: must be a list, got the number 5"));
  EXPECT_THAT(complaint_of(", ownerReferences: [5]"),
              ElementsAre("E metadata.ownerReferences[0]: must be a mapping, got the number 5"));
  EXPECT_THAT(
      complaint_of(", ownerReferences: [{apiVersion: v1, kind: Pod, name: '', uid: 5, controller: x}]"),
      ElementsAre("E metadata.ownerReferences[0].name: must not be empty",
                  "E metadata.ownerReferences[0].uid: must be a text, got the number 5",
                  "E metadata.ownerReferences[0].controller: must be true or false, got the text \"x\""));
}

TEST(Metadata, OneOwnerAtMostIsTheController) {
  EXPECT_THAT(
      complaint_of(", ownerReferences: [{" + kOwner + ", controller: true}, {" + kOwner +
                   ", controller: false}, {apiVersion: v1, kind: Pod, name: b, uid: y, controller: true}]"),
      ElementsAre("E metadata.ownerReferences[2].controller: only one reference can have controller set to "
                  "true, found it in those to Pod/a and Pod/b"));
}

TEST(Metadata, WhatServersWriteHasItsType) {
  EXPECT_THAT(
      complaint_of(
          ", creationTimestamp: '2006-01-02T15:04:05Z', deletionTimestamp: "
          "'2006-01-02T15:04:05.25+01:00', generation: 3, uid: x, resourceVersion: '5', selfLink: /x, "
          "managedFields: [{manager: kubectl, operation: Update, fieldsV1: {'f:a': {}}}]"),
      IsEmpty());
  for (const char* wrong : {"creationTimestamp: 5", "creationTimestamp: yesterday", "deletionTimestamp: []",
                            "generation: '5'", "generation: 1.5", "uid: 5", "resourceVersion: 5",
                            "selfLink: {}", "managedFields: {}", "managedFields: [5]", "finalizers: x",
                            "finalizers: [5]", "finalizers: ['a b']", "deletionGracePeriodSeconds: x",
                            "labels: 5", "labels: {a: 5}", "annotations: [a]", "generateName: []"}) {
    EXPECT_THAT(complaint_of(std::string(", ") + wrong), Contains(StartsWith("E metadata."))) << wrong;
  }
}

TEST(Metadata, AnnotationsHaveALimitTogether) {
  const std::string name = "a";
  const std::string right(256 * 1024 - 1, 'x');
  EXPECT_THAT(complaint_of(", annotations: {a: " + right + "}"), IsEmpty());
  EXPECT_THAT(
      complaint_of(", annotations: {a: " + right + "x}"),
      ElementsAre("E metadata.annotations: may not be more than 262144 bytes long together, got 262145"));
}

TEST(Status, OfAFileIsDroppedButTyped) {
  EXPECT_THAT(
      complaint_of("",
                   "status: {phase: Running, conditions: [{type: Ready, status: 'True'}], other: {a: 5}}\n"),
      ElementsAre("W status: is kept by the lab itself; what the file says is dropped"));
  for (const char* empty :
       {"status: {}\n", "status: {conditions: []}\n", "status: {a: {b: {}}}\n", "status:\n"}) {
    EXPECT_THAT(complaint_of("", empty), IsEmpty()) << "nothing is dropped";
  }
  EXPECT_THAT(complaint_of("", "status: 5\n"), ElementsAre("E status: must be a mapping, got the number 5"));
  EXPECT_THAT(complaint_of("", "status: {conditions: [5]}\n"),
              ElementsAre("E status.conditions[0]: must be a mapping, got the number 5"));
}

json service_with(json status) {
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata", {{"name", "s"}}},
          {"status", std::move(status)}};
}

TEST(Status, OfAServiceSaysWhereItIsBalanced) {
  EXPECT_THAT(
      lines_of(check_status(service_with(
          {{"loadBalancer",
            {{"ingress", {{{"ip", "192.0.2.1"}, {"ipMode", "VIP"}}, {{"hostname", "a.example"}}}}}}}))),
      IsEmpty());
  for (const json& ingress :
       {json(5), json{5}, json{{{"ip", 5}}}, json{{{"ip", "nowhere"}}}, json{{{"ports", 5}}},
        json{{{"ports", {{{"port", "80"}}}}}}, json{{{"ipMode", "x"}}}}) {
    EXPECT_FALSE(check_status(service_with({{"loadBalancer", {{"ingress", ingress}}}})).empty()) << ingress;
  }
}

TEST(Status, OfAKindWithoutOneIsNone) {
  EXPECT_TRUE(has_status(service_with({})));
  EXPECT_FALSE(has_status({{"apiVersion", "v1"}, {"kind", "Endpoints"}}));
  EXPECT_FALSE(has_status({{"apiVersion", "v1"}, {"kind", 5}}));
  EXPECT_FALSE(has_status(5));
}

// Decoding comes before the rules: formats and what is required are not its affair.
TEST(Types, AreAllThatDecodingLooksAt) {
  EXPECT_THAT(lines_of(check_types(service_with({{"loadBalancer", {{"ingress", {{{"ip", "nowhere"}}}}}}}))),
              IsEmpty());
  json service = service_with({{"loadBalancer", {{"ingress", 5}}}});
  service["spec"] = {{"ports", {{{"port", "80"}, {"targetPort", true}}}}, {"selector", {{"a", 5}}}};
  service["metadata"]["deletionTimestamp"] = 5;
  EXPECT_THAT(lines_of(check_types(service)),
              testing::UnorderedElementsAre(
                  "E metadata.deletionTimestamp: must be a time as RFC 3339 writes it, got \"5\"",
                  "E spec.ports[0].port: must be a whole number, got the text \"80\"",
                  "E spec.ports[0].targetPort: must be a whole number or a text, got the boolean true",
                  "E spec.selector.a: must be a text, got the number 5",
                  "E status.loadBalancer.ingress: must be a list, got the number 5"));
}

TEST(LoadObject, TreatsAClientsObjectAsAFile) {
  const json pod{{"apiVersion", "v1"},
                 {"kind", "Pod"},
                 {"metadata", {{"name", "a"}, {"labels", nullptr}}},
                 {"spec", {{"containers", {{{"name", "c"}, {"image", "nginx"}}}}}}};
  const Loaded loaded = load_object(pod, {});
  EXPECT_THAT(loaded.diagnostics, IsEmpty());
  ASSERT_EQ(loaded.objects.size(), 1U);
  EXPECT_EQ(loaded.objects[0].json["spec"]["restartPolicy"], "Always");
  EXPECT_FALSE(loaded.objects[0].json["metadata"].contains("labels"));
  json broken = pod;
  broken["spec"]["containers"][0]["image"] = 18446744073709551615U;
  EXPECT_THAT(lines_of(load_object(broken, {}).diagnostics),
              ElementsAre("E spec.containers[0].image: must be a text, got the number 18446744073709551615"));
  EXPECT_FALSE(load_object(5, {}).diagnostics.empty());
}

}  // namespace
}  // namespace labctl::manifest
