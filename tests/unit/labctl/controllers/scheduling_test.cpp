// The scheduler's decisions as tables: a cluster, a pod, and where it goes or what is said.

#include "labctl/controllers/pods/scheduler.hpp"

#include "labctl/objects/fields.hpp"

#include "control_loop_fixture.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::text_at;

constexpr const char* kNoHelp = "Preemption is not helpful for scheduling";

json spec_of(const char* text) { return json::parse(text); }

// What became of a pod of `spec` (merged into a bare pod's): its node, or why it has none.
std::string outcome(ControlLoops& loops, const json& spec, const std::string& name = "asked") {
  json pod = bare_pod();
  if (spec.is_object()) {
    pod["spec"].update(spec);
  }
  loops.create("pods", name, std::move(pod));
  loops.run();
  const json object = loops.get("pods", name);
  const std::string& node = text_at(object, "spec.nodeName");
  return node.empty() ? text_at(*objects::condition(object, "PodScheduled"), "message") : node;
}

std::string refused(const std::string& reasons, const std::string& help) {
  return "0/3 nodes are available: " + reasons + ". preemption: 0/3 nodes are available: " + help + ".";
}

void set_taints(ControlLoops& loops, const std::string& node, const json& taints) {
  loops.store.modify({"nodes", "", node}, [&](json& object) { object["spec"]["taints"] = taints; });
}

struct TolerationCase {
  const char* name;
  const char* spec;
  const char* node;  // "": nowhere
};

class Tolerations : public ::testing::TestWithParam<TolerationCase> {};

// node-1 is free for nobody but those that tolerate gpu=a100:NoSchedule, the others for nobody at all.
TEST_P(Tolerations, DecideWhereAPodMayGo) {
  ControlLoops loops;
  set_taints(loops, "node-1", {{{"key", "gpu"}, {"value", "a100"}, {"effect", "NoSchedule"}}});
  for (const char* node : {"node-2", "node-3"}) {
    set_taints(loops, node, {{{"key", "closed"}, {"effect", "NoExecute"}}});
  }
  const std::string seen = outcome(loops, spec_of(GetParam().spec));
  if (*GetParam().node != 0) {
    EXPECT_EQ(seen, GetParam().node);
  } else {
    EXPECT_EQ(seen, refused("1 node(s) had untolerated taint {gpu: a100}, "
                            "2 node(s) had untolerated taint {closed: }",
                            std::string("3 ") + kNoHelp));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Tolerations,
    ::testing::Values(
        TolerationCase{"None", R"({})", ""},
        TolerationCase{"Equal", R"({"tolerations": [{"key": "gpu", "value": "a100"}]})", "node-1"},
        TolerationCase{"OtherValue", R"({"tolerations": [{"key": "gpu", "value": "h100"}]})", ""},
        TolerationCase{"Exists", R"({"tolerations": [{"key": "gpu", "operator": "Exists"}]})", "node-1"},
        TolerationCase{"ExistsOfTheEffect",
                       R"({"tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]})",
                       "node-1"},
        TolerationCase{"OtherEffect",
                       R"({"tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoExecute"}]})",
                       ""},
        TolerationCase{"OtherKey", R"({"tolerations": [{"key": "tpu", "operator": "Exists"}]})", ""},
        TolerationCase{"All", R"({"tolerations": [{"operator": "Exists"}]})", "node-1"}),
    [](const auto& one) { return one.param.name; });

TEST(SchedulingTest, ANodeThatIsAvoidedIsTheLastOne) {
  ControlLoops loops;
  set_taints(loops, "node-1", {{{"key", "slow"}, {"effect", "PreferNoSchedule"}}});
  EXPECT_EQ(outcome(loops, {}, "a"), "node-2");
  EXPECT_EQ(outcome(loops, {}, "b"), "node-3");
  EXPECT_EQ(outcome(loops, {}, "c"), "node-2");
  EXPECT_EQ(outcome(loops, spec_of(R"({"tolerations": [{"key": "slow", "operator": "Exists"}]})"), "d"),
            "node-1");
  for (const char* node : {"node-2", "node-3"}) {
    loops.store.modify({"nodes", "", node}, [](json& object) { object["spec"]["unschedulable"] = true; });
  }
  EXPECT_EQ(outcome(loops, {}, "e"), "node-1");
}

TEST(SchedulingTest, ACordonedNodeSaysSoAndMayBeTolerated) {
  ControlLoops loops;
  for (const char* node : {"node-1", "node-2", "node-3"}) {
    loops.store.modify({"nodes", "", node}, [](json& object) { object["spec"]["unschedulable"] = true; });
  }
  EXPECT_EQ(outcome(loops, {}, "a"), refused("3 node(s) were unschedulable", std::string("3 ") + kNoHelp));
  EXPECT_EQ(outcome(loops, spec_of(R"({"tolerations": [{"key": "node.kubernetes.io/unschedulable",
                                                 "operator": "Exists", "effect": "NoSchedule"}]})"),
                    "b"),
            "node-1");
  loops.store.modify({"nodes", "", "node-3"}, [](json& object) { object["spec"].erase("unschedulable"); });
  loops.run();
  EXPECT_EQ(text_at(loops.get("pods", "a"), "spec.nodeName"), "node-3");
}

struct AffinityCase {
  const char* name;
  const char* terms;  // nodeSelectorTerms
  const char* node;   // "": nowhere
};

class RequiredNodeAffinity : public ::testing::TestWithParam<AffinityCase> {};

// node-1: disk=hdd, cores=4; node-2: disk=ssd, cores=16; node-3: no labels of these.
TEST_P(RequiredNodeAffinity, TakesTheNodesOfOneTerm) {
  ControlLoops loops;
  const auto label = [&](const char* node, const json& labels) {
    loops.store.modify({"nodes", "", node},
                       [&](json& object) { object["metadata"]["labels"].update(labels); });
  };
  label("node-1", {{"disk", "hdd"}, {"cores", "4"}});
  label("node-2", {{"disk", "ssd"}, {"cores", "16"}});
  const json affinity{{"nodeAffinity",
                       {{"requiredDuringSchedulingIgnoredDuringExecution",
                         {{"nodeSelectorTerms", spec_of(GetParam().terms)}}}}}};
  const std::string seen = outcome(loops, {{"affinity", affinity}});
  if (*GetParam().node != 0) {
    EXPECT_EQ(seen, GetParam().node);
  } else {
    EXPECT_EQ(seen,
              refused("3 node(s) didn't match Pod's node affinity/selector", std::string("3 ") + kNoHelp));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, RequiredNodeAffinity,
    ::testing::Values(
        AffinityCase{"In", R"([{"matchExpressions": [{"key": "disk", "operator": "In",
                                                      "values": ["ssd", "nvme"]}]}])",
                     "node-2"},
        AffinityCase{"InNone", R"([{"matchExpressions": [{"key": "disk", "operator": "In",
                                                          "values": ["tape"]}]}])",
                     ""},
        AffinityCase{"NotInTakesWhatHasNoLabel",
                     R"([{"matchExpressions": [{"key": "disk", "operator": "NotIn",
                                                "values": ["ssd", "hdd"]}]}])",
                     "node-3"},
        AffinityCase{"Exists", R"([{"matchExpressions": [{"key": "disk", "operator": "Exists"}]}])",
                     "node-1"},
        AffinityCase{"DoesNotExist",
                     R"([{"matchExpressions": [{"key": "disk", "operator": "DoesNotExist"}]}])", "node-3"},
        AffinityCase{"Gt", R"([{"matchExpressions": [{"key": "cores", "operator": "Gt", "values": ["8"]}]}])",
                     "node-2"},
        AffinityCase{"GtOfTheSame",
                     R"([{"matchExpressions": [{"key": "cores", "operator": "Gt", "values": ["16"]}]}])", ""},
        AffinityCase{"LtIsOfNumbers",
                     R"([{"matchExpressions": [{"key": "cores", "operator": "Lt", "values": ["5"]}]}])",
                     "node-1"},
        AffinityCase{"LtOfText",
                     R"([{"matchExpressions": [{"key": "disk", "operator": "Lt", "values": ["5"]}]}])", ""},
        AffinityCase{"AllExpressionsOfATerm",
                     R"([{"matchExpressions": [{"key": "disk", "operator": "Exists"},
                                               {"key": "cores", "operator": "Gt", "values": ["8"]}]}])",
                     "node-2"},
        AffinityCase{"OneOfTheTerms",
                     R"([{"matchExpressions": [{"key": "disk", "operator": "In", "values": ["tape"]}]},
                         {"matchFields": [{"key": "metadata.name", "operator": "In",
                                           "values": ["node-3"]}]}])",
                     "node-3"},
        AffinityCase{
            "NotTheName",
            R"([{"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["node-1"]}]}])",
            "node-2"},
        AffinityCase{"AnEmptyTermTakesNone", R"([{}])", ""}),
    [](const auto& one) { return one.param.name; });

TEST(SchedulingTest, OtherNodesThanTheNamedOnesAreLeftOutFirst) {
  ControlLoops loops;
  set_taints(loops, "node-2", {{{"key", "closed"}, {"effect", "NoSchedule"}}});
  const json spec =
      spec_of(R"({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
      {"nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In",
                                               "values": ["node-2"]}]}]}}}})");
  EXPECT_EQ(outcome(loops, spec), refused("1 node(s) had untolerated taint {closed: }, "
                                          "2 node(s) didn't satisfy plugin(s) [NodeAffinity]",
                                          std::string("3 ") + kNoHelp));
}

TEST(SchedulingTest, WeightsOfPreferredTermsAddUp) {
  ControlLoops loops;
  for (const char* node : {"node-2", "node-3"}) {
    loops.store.modify({"nodes", "", node},
                       [](json& object) { object["metadata"]["labels"]["disk"] = "ssd"; });
  }
  loops.store.modify({"nodes", "", "node-3"}, [](json& node) { node["metadata"]["labels"]["gpu"] = ""; });
  const json spec =
      spec_of(R"({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
      {"weight": 10, "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}},
      {"weight": 1, "preference": {"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}},
      {"weight": 100, "preference": {}}]}}})");
  EXPECT_EQ(outcome(loops, spec, "a"), "node-3");
  EXPECT_EQ(outcome(loops, spec, "b"), "node-3");
}

TEST(SchedulingTest, APodThatPreemptsNobodyIsToldSo) {
  ControlLoops loops;
  EXPECT_EQ(outcome(loops, spec_of(R"({"preemptionPolicy": "Never", "nodeSelector": {"disk": "ssd"}})")),
            "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. "
            "preemption: not eligible due to preemptionPolicy=Never.");
}

}  // namespace
}  // namespace labctl::controllers
