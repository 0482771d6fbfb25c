// What pods ask of each other: affinity, anti-affinity and topology spread.

#include "labctl/controllers/scheduling/pod_affinity.hpp"

#include "labctl/objects/fields.hpp"

#include "control_loop_fixture.hpp"

#include <gmock/gmock.h>

#include <map>
#include <string>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::text_at;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr const char* kMustHave = "requiredDuringSchedulingIgnoredDuringExecution";
constexpr const char* kWouldHave = "preferredDuringSchedulingIgnoredDuringExecution";

json term_about(const std::string& app, const std::string& key = "kubernetes.io/hostname") {
  return {{"labelSelector", {{"matchLabels", {{"app", app}}}}}, {"topologyKey", key}};
}

json required(const std::string& affinity, json term) {
  return {{affinity, {{kMustHave, json::array({std::move(term)})}}}};
}

json preferred(const std::string& affinity, json term, int weight = 100) {
  return {{affinity,
           {{kWouldHave, json::array({json{{"weight", weight}, {"podAffinityTerm", std::move(term)}}})}}}};
}

json spread(const std::string& key, const std::string& when, int max_skew = 1) {
  return {{"maxSkew", max_skew},
          {"topologyKey", key},
          {"whenUnsatisfiable", when},
          {"labelSelector", {{"matchLabels", {{"app", "web"}}}}}};
}

// node-1 and node-2 are in east, node-3 in west.
class PodAffinityTest : public ::testing::Test {
 protected:
  PodAffinityTest() {
    for (const auto& [node, zone] :
         std::map<std::string, std::string>{{"node-1", "east"}, {"node-2", "east"}, {"node-3", "west"}}) {
      loops.store.modify({"nodes", "", node}, [&, zone = zone](json& object) {
        object["metadata"]["labels"]["topology.kubernetes.io/zone"] = zone;
      });
    }
  }
  std::string make(const std::string& name, const std::string& app, const json& spec = json::object()) {
    json pod = bare_pod(app);
    pod["spec"].update(spec);
    loops.create("pods", name, std::move(pod));
    loops.run();
    return place_of(name);
  }
  std::string make_on(const std::string& node, const std::string& name, const std::string& app) {
    return make(name, app, {{"nodeName", node}});
  }
  // Its node, or the first sentence of why it has none.
  std::string place_of(const std::string& name) const {
    const json pod = loops.get("pods", name);
    const std::string& node = text_at(pod, "spec.nodeName");
    const std::string message = text_at(*objects::condition(pod, "PodScheduled"), "message");
    return node.empty() ? message.substr(0, message.find(". preemption")) : node;
  }
  std::map<std::string, int> pods_by_node() const {
    std::map<std::string, int> counts;
    for (const auto& pod : loops.pods()) {
      ++counts[text_at(*pod, "spec.nodeName")];
    }
    return counts;
  }
  void make_many(int replicas, const json& spec) {
    json object = workload("ReplicaSet", "web", replicas);
    object["spec"]["template"]["spec"].update(spec);
    loops.create("replicasets", "web", std::move(object));
    loops.settle();
  }
  static constexpr const char* kZone = "topology.kubernetes.io/zone";
  ControlLoops loops;
};

TEST_F(PodAffinityTest, APodGoesWhereTheOtherIs) {
  make_on("node-3", "db", "db");
  EXPECT_EQ(make("web", "web", {{"affinity", required("podAffinity", term_about("db"))}}), "node-3");
}

TEST_F(PodAffinityTest, WithNobodyToBeBesideItWaitsUntilThereIs) {
  EXPECT_EQ(make("web", "web", {{"affinity", required("podAffinity", term_about("db"))}}),
            "0/3 nodes are available: 3 node(s) didn't match pod affinity rules");
  make_on("node-2", "db", "db");
  EXPECT_EQ(place_of("web"), "node-2");
}

TEST_F(PodAffinityTest, OneThatWaitsIsHelpedByOtherLabelsToo) {
  make_on("node-2", "db", "old");
  make("web", "web", {{"affinity", required("podAffinity", term_about("db"))}});
  loops.edit("pods", "db", [](json& pod) { pod["metadata"]["labels"]["app"] = "db"; });
  loops.run();
  EXPECT_EQ(place_of("web"), "node-2");
}

TEST_F(PodAffinityTest, ADomainMayBeMoreThanANode) {
  make_on("node-1", "db", "db");
  for (const char* name : {"a", "b"}) {
    EXPECT_THAT(make(name, "web", {{"affinity", required("podAffinity", term_about("db", kZone))}}),
                AnyOf("node-1", "node-2"));
  }
  EXPECT_THAT(pods_by_node(), ElementsAre(Pair("node-1", 2), Pair("node-2", 1)));
}

TEST_F(PodAffinityTest, TheFirstOfAGroupMayGoAnywhereAndTheOthersFollow) {
  const json spec{{"affinity", required("podAffinity", term_about("web"))}};
  EXPECT_EQ(make("a", "web", spec), "node-1");
  EXPECT_EQ(make("b", "web", spec), "node-1");
  // Of another group there is a pod: no first one any more.
  EXPECT_THAT(make("c", "web", {{"affinity", required("podAffinity", term_about("web", "rack"))}}),
              HasSubstr("3 node(s) didn't match pod affinity rules"));
}

TEST_F(PodAffinityTest, AntiAffinityLeavesTheThirdOfTwoWaiting) {
  loops.store.modify({"nodes", "", "node-3"}, [](json& node) { node["spec"]["unschedulable"] = true; });
  const json spec{{"affinity", required("podAntiAffinity", term_about("web"))}};
  EXPECT_EQ(make("a", "web", spec), "node-1");
  EXPECT_EQ(make("b", "web", spec), "node-2");
  EXPECT_EQ(make("c", "web", spec),
            "0/3 nodes are available: 1 node(s) were unschedulable, "
            "2 node(s) didn't match pod anti-affinity rules");
  loops.store.remove({"pods", "default", "b"});
  loops.run();
  EXPECT_EQ(place_of("c"), "node-2");
}

TEST_F(PodAffinityTest, TheAntiAffinityOfPlacedPodsCountsForOthers) {
  make("a", "web",
       {{"nodeName", "node-1"}, {"affinity", required("podAntiAffinity", term_about("db", kZone))}});
  EXPECT_EQ(make("b", "db"), "node-3");
  loops.store.modify({"nodes", "", "node-3"}, [](json& node) { node["spec"]["unschedulable"] = true; });
  EXPECT_EQ(make("c", "db"),
            "0/3 nodes are available: 1 node(s) were unschedulable, "
            "2 node(s) didn't satisfy existing pods anti-affinity rules");
  EXPECT_EQ(make("d", "cache"), "node-2");
}

TEST_F(PodAffinityTest, TermsAreAboutTheNamespacesThatTheyName) {
  for (const char* ns : {"shop", "bank"}) {
    loops.store.create({"namespaces", "", ns}, {{"apiVersion", "v1"},
                                                {"kind", "Namespace"},
                                                {"metadata", {{"name", ns}, {"labels", {{"team", ns}}}}}});
  }
  json db = bare_pod("db");
  db["spec"]["nodeName"] = "node-2";
  loops.store.create({"pods", "shop", "db"}, db);
  loops.run();
  const auto about = [](json more) {
    json term = term_about("db");
    term.update(more);
    return json{{"affinity", required("podAffinity", term)}};
  };
  EXPECT_THAT(make("own", "web", about(json::object())), HasSubstr("pod affinity rules"));
  EXPECT_EQ(make("named", "web", about({{"namespaces", {"shop"}}})), "node-2");
  EXPECT_EQ(make("all", "web", about({{"namespaceSelector", json::object()}})), "node-2");
  EXPECT_EQ(make("selected", "web", about({{"namespaceSelector", {{"matchLabels", {{"team", "shop"}}}}}})),
            "node-2");
  EXPECT_THAT(make("other", "web", about({{"namespaceSelector", {{"matchLabels", {{"team", "bank"}}}}}})),
              HasSubstr("pod affinity rules"));
  // A label of a namespace decides as well.
  loops.store.modify({"namespaces", "", "shop"}, [](json& ns) { ns["metadata"]["labels"]["team"] = "bank"; });
  loops.run();
  EXPECT_EQ(place_of("other"), "node-2");
}

TEST_F(PodAffinityTest, WhatIsPreferredDecidesAmongNodesThatTakeThePod) {
  make_on("node-3", "db", "db");
  const json near{{"affinity", preferred("podAffinity", term_about("db"))}};
  EXPECT_EQ(make("a", "web", near), "node-3");
  EXPECT_EQ(make("b", "web", near), "node-3");
  const json away{{"affinity", preferred("podAntiAffinity", term_about("web", kZone))}};
  EXPECT_EQ(make("c", "api", away), "node-1");
  // Nowhere without one: it is placed all the same.
  make_on("node-1", "d", "web");
  EXPECT_THAT(make("e", "api", away), HasSubstr("node-"));
}

TEST_F(PodAffinityTest, WhatPlacedPodsPreferCountsToo) {
  make("a", "web", {{"nodeName", "node-2"}, {"affinity", preferred("podAffinity", term_about("db"))}});
  EXPECT_EQ(make("b", "db"), "node-2");
  make("c", "queue",
       {{"nodeName", "node-1"}, {"affinity", preferred("podAntiAffinity", term_about("log"), 10)}});
  EXPECT_EQ(make("d", "log"), "node-3");
  EXPECT_EQ(make("e", "log"), "node-3");
}

TEST_F(PodAffinityTest, LabelKeysTellRevisionsApart) {
  json term = term_about("web");
  term["matchLabelKeys"] = {"pod-template-hash"};
  const json affinity = required("podAntiAffinity", term);
  const auto make_of = [&](const char* name, const char* hash) {
    json pod = bare_pod("web");
    pod["metadata"]["labels"]["pod-template-hash"] = hash;
    pod["spec"]["affinity"] = affinity;
    pod["spec"]["nodeSelector"] = {{"kubernetes.io/hostname", "node-1"}};
    loops.create("pods", name, std::move(pod));
    loops.run();
    return place_of(name);
  };
  EXPECT_EQ(make_of("a", "one"), "node-1");
  EXPECT_EQ(make_of("b", "two"), "node-1");
  EXPECT_THAT(make_of("c", "two"), HasSubstr("1 node(s) didn't match pod anti-affinity rules"));
}

TEST_F(PodAffinityTest, ASpreadOverZonesIsKept) {
  make_many(4, {{"topologySpreadConstraints", json::array({spread(kZone, "DoNotSchedule")})}});
  EXPECT_THAT(pods_by_node(), ElementsAre(Pair("node-1", 1), Pair("node-2", 1), Pair("node-3", 2)));
}

TEST_F(PodAffinityTest, WhatWouldMakeTheSkewTooLargeWaits) {
  loops.store.modify({"nodes", "", "node-3"}, [](json& node) { node["spec"]["unschedulable"] = true; });
  make_many(3, {{"topologySpreadConstraints", json::array({spread(kZone, "DoNotSchedule", 2)})}});
  EXPECT_EQ(pods_by_node()[""], 1);
  EXPECT_THAT(
      loops.events("FailedScheduling"),
      ElementsAre("0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match pod "
                  "topology spread constraints. preemption: 0/3 nodes are available: 1 Preemption is not "
                  "helpful for scheduling, 2 No preemption victims found for incoming pod."));
}

TEST_F(PodAffinityTest, NodesThatThePodCannotUseCountOnlyAsThePoliciesSay) {
  loops.store.modify({"nodes", "", "node-3"}, [](json& node) {
    node["spec"]["taints"] = {{{"key", "closed"}, {"effect", "NoSchedule"}}};
  });
  json constraint = spread(kZone, "DoNotSchedule");
  constraint["nodeTaintsPolicy"] = "Honor";
  make_many(4, {{"topologySpreadConstraints", json::array({constraint})}});
  EXPECT_THAT(pods_by_node(), ElementsAre(Pair("node-1", 2), Pair("node-2", 2)));
}

TEST_F(PodAffinityTest, NodesOutsideThePodsAffinityDoNotCount) {
  json constraint = spread("kubernetes.io/hostname", "DoNotSchedule");
  const json spec{{"nodeSelector", {{kZone, "east"}}},
                  {"topologySpreadConstraints", json::array({constraint})}};
  make_many(4, spec);
  EXPECT_THAT(pods_by_node(), ElementsAre(Pair("node-1", 2), Pair("node-2", 2)));
}

TEST_F(PodAffinityTest, TooFewDomainsCountAsEmptyOnes) {
  json constraint = spread(kZone, "DoNotSchedule");
  constraint["minDomains"] = 3;
  make_many(3, {{"topologySpreadConstraints", json::array({constraint})}});
  EXPECT_THAT(pods_by_node(), ElementsAre(Pair("", 1), Pair("node-1", 1), Pair("node-3", 1)));
}

TEST_F(PodAffinityTest, ANodeWithoutTheLabelIsNoDomain) {
  EXPECT_EQ(make("a", "web", {{"topologySpreadConstraints", json::array({spread("rack", "DoNotSchedule")})}}),
            "0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints "
            "(missing required label)");
}

TEST_F(PodAffinityTest, ASpreadThatIsOnlyWishedForNeverKeepsAPodWaiting) {
  make_on("node-1", "a", "other");
  make_on("node-3", "b", "other");
  make_on("node-3", "c", "other");
  make_many(2, {{"topologySpreadConstraints", json::array({spread(kZone, "ScheduleAnyway")})}});
  EXPECT_EQ(pods_by_node()["node-3"], 3);
  loops.store.modify({"nodes", "", "node-3"}, [](json& node) { node["spec"]["unschedulable"] = true; });
  loops.scale("replicasets", "web", 4);
  loops.settle();
  EXPECT_EQ(pods_by_node()[""], 0);
}

}  // namespace
}  // namespace labctl::controllers
