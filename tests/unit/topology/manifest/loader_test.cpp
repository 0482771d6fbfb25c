#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

namespace labctl::manifest {
namespace {

using nlohmann::json;
using testing::IsEmpty;
using testing::SizeIs;

Loaded load_text(const std::string& text) { return load({{"t.yaml", text}}, {}); }

TEST(Load, KeepsFileOrderAndPlaces) {
  const Loaded loaded = load({{"a.yaml", "# one\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"},
                              {"b.yaml",
                               "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n"
                               "spec: {containers: [{name: main, image: nginx}]}\n"}},
                             {});
  ASSERT_THAT(loaded.objects, SizeIs(2));
  EXPECT_EQ(loaded.objects[0].name, "shop");
  EXPECT_EQ(loaded.objects[0].ns, "");
  EXPECT_EQ(loaded.objects[0].where, (SourcePosition{"a.yaml", 2, 1}));
  EXPECT_EQ(loaded.objects[1].kind, "Pod");
  EXPECT_EQ(loaded.objects[1].ns, "shop");
}

TEST(Load, FillsInNamespaceAndDefaultsAndDropsStatus) {
  const Loaded loaded = load_text(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {hostNetwork: true, containers: [{name: main, "
      "image: nginx, "
      "ports: [{containerPort: 80}], env: [{name: A, valueFrom: {fieldRef: {fieldPath: "
      "status.podIP}}}]}]}\nstatus: {phase: Running}\n");
  const json& pod = loaded.objects.at(0).json;
  EXPECT_EQ(pod["metadata"]["namespace"], "default");
  EXPECT_EQ(pod["spec"]["restartPolicy"], "Always");
  EXPECT_EQ(pod["spec"]["terminationGracePeriodSeconds"], 30);
  EXPECT_EQ(pod["spec"]["containers"][0]["ports"][0],
            (json{{"containerPort", 80}, {"hostPort", 80}, {"protocol", "TCP"}}));
  EXPECT_EQ(pod["spec"]["containers"][0]["env"][0]["valueFrom"]["fieldRef"]["apiVersion"], "v1");
  EXPECT_FALSE(pod.contains("status"));
}

TEST(Load, FillsInWorkloads) {
  const std::string rest =
      "\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n"
      "  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: nginx}]}}\n";
  const Loaded loaded = load_text("apiVersion: apps/v1\nkind: Deployment" + rest +
                                  "---\napiVersion: apps/v1\nkind: StatefulSet" + rest +
                                  "---\napiVersion: apps/v1\nkind: DaemonSet" + rest);
  ASSERT_THAT(loaded.objects, SizeIs(3));
  const json& deployment = loaded.objects[0].json["spec"];
  EXPECT_EQ(deployment["replicas"], 1);
  EXPECT_EQ(
      deployment["strategy"],
      json::parse(
          R"({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}})"));
  EXPECT_EQ(deployment["template"]["spec"]["restartPolicy"], "Always");
  EXPECT_EQ(loaded.objects[1].json["spec"]["podManagementPolicy"], "OrderedReady");
  EXPECT_EQ(loaded.objects[2].json["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"], 1);
}

TEST(Load, GivesANamespaceItsNameAsALabel) {
  const Loaded loaded = load_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
  EXPECT_EQ(loaded.objects.at(0).json["metadata"]["labels"]["kubernetes.io/metadata.name"], "shop");
}

TEST(Load, FlattensListsAndGivesItemsTheirKind) {
  const Loaded loaded = load_text(
      "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: PodList, items: [{metadata: {name: a}, "
      "spec: {containers: [{name: main, image: nginx}]}}]}\n- {apiVersion: v1, kind: Namespace, metadata: "
      "{name: b}}\n");
  EXPECT_THAT(loaded.diagnostics, IsEmpty());
  ASSERT_THAT(loaded.objects, SizeIs(2));
  EXPECT_EQ(loaded.objects[0].json["kind"], "Pod");
  EXPECT_EQ(loaded.objects[0].json["apiVersion"], "v1");
}

TEST(Load, LeavesOutObjectsWithErrors) {
  const Loaded loaded = load_text(
      "apiVersion: v1\nkind: Namespace\nmetadata: {name: A}\n---\napiVersion: v1\nkind: Namespace\nmetadata: "
      "{name: b}\n");
  EXPECT_THAT(loaded.objects, SizeIs(1));
  EXPECT_TRUE(has_errors(loaded.diagnostics));
}

TEST(Load, TakesJson) {
  const Loaded loaded = load_text(
      R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},"spec":{"containers":[{"name":"m","image":"x"}]}})");
  EXPECT_THAT(loaded.diagnostics, IsEmpty());
  EXPECT_THAT(loaded.objects, SizeIs(1));
}

TEST(Load, ItsOwnJsonComesBackUnchanged) {
  const Loaded first = load_text(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: web, annotations: {note: \"a\\tb \\U0001F433 "
      "\\\"q\\\"\"}}\n"
      "spec: {containers: [{name: m, image: x, args: ['1', 'yes', '']}]}\n");
  const Loaded second = load_text(first.objects.at(0).json.dump());
  EXPECT_THAT(second.diagnostics, IsEmpty());
  EXPECT_EQ(second.objects.at(0).json, first.objects.at(0).json);
}

TEST(Load, OfNothingIsEmpty) {
  const Loaded loaded = load({}, {});
  EXPECT_THAT(loaded.objects, IsEmpty());
  EXPECT_THAT(loaded.diagnostics, IsEmpty());
  EXPECT_FALSE(loaded.cluster);
}

TEST(Load, RefusesAClusterForARunningLab) {
  LoadOptions options;
  options.allow_cluster = false;
  const Loaded loaded = load({{"t.yaml", "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\n"}}, options);
  EXPECT_FALSE(loaded.cluster);
  EXPECT_EQ(to_string(loaded.diagnostics.at(0)),
            "t.yaml:1:1: error: the Cluster of a running lab cannot change\n"
            "  hint: leave the Cluster out, or take the lab down and up again");
}

TEST(ClusterOrDefault, TakesTheFilesClusterOrTwoNodes) {
  LoadOptions options;
  options.default_name = "shop";
  EXPECT_EQ(cluster_or_default(
                load({{"t.yaml", "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\n"}}, options), "x"),
            model::default_cluster("shop"));
  EXPECT_EQ(cluster_or_default(load({}, options), "x"), model::default_cluster("x"));
}

TEST(ClusterOrDefault, NodeObjectsLabelItsNodes) {
  const std::string node = "apiVersion: v1\nkind: Node\nmetadata: {name: node-2, labels: {disk: ssd}}\n";
  EXPECT_EQ(cluster_or_default(load_text(node), "lab").nodes.at(1).labels.at("disk"), "ssd");
  const Loaded with_cluster =
      load_text(node + "---\napiVersion: labctl.dev/v1alpha1\nkind: Cluster\nspec: {nodes: 2}\n");
  EXPECT_EQ(cluster_or_default(with_cluster, "lab").nodes.at(1).labels.at("disk"), "ssd");
}

std::string many_pods(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text +=
        "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: web-" + std::to_string(i) +
        "\n  labels: {app: web}\nspec:\n  nodeName: node-1\n  containers:\n  - name: main\n    image: nginx\n"
        "    args: [netexec, --http-port=8080]\n    ports:\n    - containerPort: 8080\n";
  }
  return text;
}

// Of this thread, whatever else the machine does.
double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Eight times as many pods take about eight times as long; what is quadratic takes sixty-four times.
TEST(Load, TimeGrowsWithTheNumberOfPods) {
  const double begin = processor_seconds();
  EXPECT_THAT(load_text(many_pods(500)).objects, SizeIs(500));
  const double middle = processor_seconds();
  EXPECT_THAT(load_text(many_pods(4000)).objects, SizeIs(4000));
  EXPECT_LT(processor_seconds() - middle, 24 * (middle - begin));
}

}  // namespace
}  // namespace labctl::manifest
