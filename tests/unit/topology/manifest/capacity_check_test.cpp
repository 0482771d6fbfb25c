#include "topology/manifest/capacity_check.hpp"

#include "topology/manifest/loader.hpp"
#include "topology/model/pod_capacity.hpp"

#include <gtest/gtest.h>

#include <string>

namespace labctl::manifest {
namespace {

std::string replicas(const std::string& kind, const std::string& count) {
  return "apiVersion: apps/v1\nkind: " + kind + "\nmetadata: {name: web}\nspec:\n  replicas: " + count +
         "\n  serviceName: web\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: "
         "{app: "
         "web}}\n    spec: {containers: [{name: c, image: x}]}\n---\n";
}

std::string nodes(const std::string& count) {
  return "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nspec: {nodes: " + count + "}\n---\n";
}

// The errors only; a Deployment has no serviceName, which is a warning.
std::string errors_of(const std::string& text, LoadOptions options = {}) {
  std::string errors;
  for (const Diagnostic& diagnostic : load({{"t.yaml", text}}, options).diagnostics) {
    if (diagnostic.severity == Severity::Error) {
      errors += diagnostic.path + ": " + diagnostic.message + "\n";
    }
  }
  return errors;
}

TEST(CapacityCheck, ReplicasFarBeyondTheRoomAreRefusedInEveryKind) {
  for (const char* kind : {"Deployment", "ReplicaSet", "StatefulSet"}) {
    EXPECT_EQ(errors_of(nodes("3") + replicas(kind, "1000000000")),
              "spec.replicas: 1000000000: this Cluster has addresses for 759 pods\n")
        << kind;
  }
}

TEST(CapacityCheck, PodsMayWaitForRoom) {
  EXPECT_EQ(errors_of(nodes("1") + replicas("Deployment", "300")), "");
  EXPECT_EQ(errors_of(nodes("10") + replicas("Deployment", "5000")), "");
  EXPECT_EQ(errors_of(nodes("3") + replicas("Deployment", "0")), "");
}

TEST(CapacityCheck, TheMostIsTakenAndOneMoreIsNot) {
  const std::uint64_t most = model::replicas_max(253);
  EXPECT_EQ(errors_of(nodes("1") + replicas("Deployment", std::to_string(most))), "");
  EXPECT_NE(errors_of(nodes("1") + replicas("Deployment", std::to_string(most + 1))), "");
}

TEST(CapacityCheck, ARunningLabSaysWhatItCanCarry) {
  LoadOptions options;
  options.allow_cluster = false;
  EXPECT_EQ(errors_of(replicas("Deployment", "30000"), options), "");
  const auto complaint = model::check_replicas(30'000, 762);
  ASSERT_TRUE(complaint.has_value());
  EXPECT_EQ(complaint->message, "30000: this Cluster has addresses for 762 pods");
  EXPECT_FALSE(complaint->hint.empty());
  EXPECT_FALSE(model::check_replicas(1'000, 762).has_value());
}

TEST(CapacityCheck, WithoutAClusterTheDefaultOneCounts) {
  EXPECT_NE(errors_of(replicas("Deployment", "30000")), "");
}

TEST(PodCapacity, FollowsTheRangesOfTheNodes) {
  model::Cluster cluster = model::default_cluster("x");
  cluster.nodes = {{"a", {}, {}, {}}, {"b", {}, {*Prefix::parse("10.9.0.0/28")}, {}}};
  EXPECT_EQ(model::pod_capacity(cluster), 253U + 13U);
  cluster.nodes = {{"a", {}, {*Prefix::parse("10.8.0.0/16")}, {}}};
  EXPECT_EQ(model::pod_capacity(cluster), model::kPodsPerNode);
  cluster.nodes.clear();
  EXPECT_EQ(model::pod_capacity(cluster), 0U);
}

TEST(PodCapacity, NoCountOfReplicasIsBeyondALab) {
  EXPECT_EQ(model::replicas_max(1'000'000), model::kPodsPerLab);
}

}  // namespace
}  // namespace labctl::manifest
