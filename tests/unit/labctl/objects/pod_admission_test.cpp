#include "labctl/objects/pod_admission.hpp"

#include "labctl/objects/fields.hpp"

#include "tests/unit/labctl/controllers/control_loop_fixture.hpp"

#include <gmock/gmock.h>

namespace labctl::objects {
namespace {

using controllers::bare_pod;
using controllers::workload;
using nlohmann::json;
using testing::ElementsAre;

json tolerating(json tolerations) {
  json pod = bare_pod();
  pod["spec"]["tolerations"] = std::move(tolerations);
  add_default_tolerations(pod);
  return pod["spec"]["tolerations"];
}

const json kNotReady = {{"key", "node.kubernetes.io/not-ready"},
                        {"operator", "Exists"},
                        {"effect", "NoExecute"},
                        {"tolerationSeconds", 300}};
const json kUnreachable = {{"key", "node.kubernetes.io/unreachable"},
                           {"operator", "Exists"},
                           {"effect", "NoExecute"},
                           {"tolerationSeconds", 300}};

TEST(DefaultTolerations, AreAddedToThosePodsHave) {
  EXPECT_THAT(tolerating(nullptr), ElementsAre(kNotReady, kUnreachable));
  const json gpu = {{"key", "gpu"}, {"operator", "Exists"}, {"effect", "NoExecute"}};
  EXPECT_THAT(tolerating(json::array({gpu})), ElementsAre(gpu, kNotReady, kUnreachable));
}

TEST(DefaultTolerations, LeaveThoseThatSpeakOfTheSame) {
  const json own = {
      {"key", "node.kubernetes.io/not-ready"}, {"effect", "NoExecute"}, {"tolerationSeconds", 5}};
  EXPECT_THAT(tolerating(json::array({own})), ElementsAre(own, kUnreachable));
  const json any_effect = {{"key", "node.kubernetes.io/unreachable"}, {"operator", "Exists"}};
  EXPECT_THAT(tolerating(json::array({any_effect})), ElementsAre(any_effect, kNotReady));
  const json all = {{"operator", "Exists"}};
  EXPECT_THAT(tolerating(json::array({all})), ElementsAre(all));
  const json other_effect = {{"key", "node.kubernetes.io/not-ready"}, {"effect", "NoSchedule"}};
  EXPECT_THAT(tolerating(json::array({other_effect})), ElementsAre(other_effect, kNotReady, kUnreachable));
}

TEST(DefaultTolerations, ArePodsOfControllersToo) {
  controllers::ControlLoops loops;
  for (const char* kind : {"ReplicaSet", "StatefulSet", "DaemonSet"}) {
    json set = workload(kind, std::string(kind) == "ReplicaSet" ? "a" : *kind == 'S' ? "b" : "c", 1);
    std::string resource = kind;
    std::transform(resource.begin(), resource.end(), resource.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    loops.create(resource + "s", name_of(set), set);
  }
  loops.settle();
  for (const store::ObjectPtr& pod : loops.pods()) {
    const json& tolerations = list_at(*pod, "spec.tolerations");
    const bool is_daemon = text_at(*controller_of(*pod), "kind") == "DaemonSet";
    // A DaemonSet's stay on such a node for ever.
    EXPECT_EQ(std::count(tolerations.begin(), tolerations.end(), kNotReady), is_daemon ? 0 : 1)
        << name_of(*pod);
  }
  EXPECT_EQ(loops.pods().size(), 5u);
}

}  // namespace
}  // namespace labctl::objects
