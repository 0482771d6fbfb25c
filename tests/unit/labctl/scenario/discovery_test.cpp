#include "labctl/scenario/discovery.hpp"

#include "tests/support/temp_dir.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::scenario {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kHead =
    "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: demo}\nspec:\n  cluster: {nodes: 2}\n";

std::string pod(const std::string& name, const std::string& ns) {
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: " + ns +
         "}\nspec: {containers: [{name: server, image: agnhost}]}\n";
}

class Discovery : public testing::Test {
 protected:
  // What is said of a scenario with these fields in its spec, without the folder's name.
  std::vector<std::string> said_of(const std::string& fields, const DiscoverOptions& options = {}) {
    const std::string file = dir_.write("scenario.yaml", kHead + fields).string();
    std::vector<std::string> out;
    for (const Diagnostic& one : discover({file}, options).diagnostics) {
      const std::string level = one.severity == Severity::Error ? "E " : "W ";
      out.push_back(level + one.path + ": " + one.message + (one.hint.empty() ? "" : " (" + one.hint + ")"));
    }
    return out;
  }

  support::TempDir dir_;
};

TEST_F(Discovery, APodThatAnEarlierStepAppliesIsDeclared) {
  dir_.write("late.yaml", pod("late", "default"));
  EXPECT_THAT(said_of("  steps:\n  - {name: one, apply: late.yaml}\n"
                      "  - {name: two, exec: {in: pod/default/late, command: [ls]}}\n"),
              IsEmpty());
}

TEST_F(Discovery, ANamespaceOfAnEarlierStepIsKnownToALaterOne) {
  dir_.write("ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
  dir_.write("pod.yaml", pod("late", "shop"));
  EXPECT_THAT(said_of("  steps:\n  - {name: one, apply: ns.yaml}\n  - {name: two, apply: pod.yaml}\n"),
              IsEmpty());
}

TEST_F(Discovery, AMisspeltPodIsAWarningWithItsName) {
  dir_.write("pod.yaml",
             pod("client", "shop") + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
  EXPECT_THAT(said_of("  apply: [pod.yaml]\n  steps:\n"
                      "  - {name: one, exec: {in: pod/shop/clinet, command: [ls]}}\n"
                      "  - {name: two, exec: {in: pod/default/client, command: [ls]}}\n"),
              ElementsAre("W spec.steps[0].exec.in: no manifest declares pod/shop/clinet (did you mean "
                          "pod/shop/client?)",
                          "W spec.steps[1].exec.in: no manifest declares pod/default/client (did you mean "
                          "pod/shop/client?)"));
}

TEST_F(Discovery, APodIsNotMissedWhenAStepAppliesWhatAVariableNames) {
  dir_.write("a.yaml", pod("a", "default"));
  EXPECT_THAT(said_of("  steps:\n  - {name: one, cases: [{file: a.yaml}], apply: '${file}'}\n"
                      "  - {name: two, exec: {in: pod/default/any, command: [ls]}}\n"),
              IsEmpty());
}

TEST_F(Discovery, ImagesOfArchivesRunNoProgramsOfTheHost) {
  const auto said = [&](const std::string& images, const DiscoverOptions& options) {
    const std::string file =
        dir_.write("scenario.yaml",
                   "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: demo}\nspec:\n"
                   "  cluster: {nodes: 1, images: [" +
                       images + "]}\n  steps: [{name: one, matrix: {port: 80}}]\n")
            .string();
    std::vector<std::string> out;
    for (const Diagnostic& one : discover({file}, options).diagnostics) {
      if (one.message.find("of this host") != std::string::npos) {
        out.push_back(one.path);
      }
    }
    return out;
  };
  const std::string archive = "{match: shop/web, archive: web.tar}";
  const std::string both = archive + ", {match: db, command: [sleep, '1']}";
  DiscoverOptions tells;
  tells.tells_host_programs = true;
  EXPECT_THAT(said(archive, tells), IsEmpty());
  EXPECT_THAT(said(both, tells), ElementsAre("spec.cluster.images[1]"));
  DiscoverOptions forbids;
  forbids.host_programs = model::HostPrograms::None;
  EXPECT_THAT(said(archive, forbids), IsEmpty());
  EXPECT_THAT(said(both, forbids), ElementsAre("spec.cluster.images[1]"));
}

TEST_F(Discovery, AVariableOfSetIsKnown) {
  const std::string steps = "  steps:\n  - {name: one, matrix: {port: '${port}'}}\n";
  EXPECT_THAT(
      said_of(steps),
      ElementsAre("E spec.steps[0].matrix.port: no variable is called ${port} (set it under vars:, in "
                  "cases:, or with --set port=VALUE)"));
  DiscoverOptions options;
  options.variables = {"port"};
  EXPECT_THAT(said_of(steps, options), IsEmpty());
}

TEST_F(Discovery, AStepsFilesAreCheckedAgainstTheScenariosNodes) {
  dir_.write("pinned.yaml",
             "apiVersion: v1\nkind: Pod\nmetadata: {name: pinned}\n"
             "spec: {nodeName: node-3, containers: [{name: server, image: agnhost}]}\n");
  EXPECT_THAT(said_of("  steps:\n  - {name: one, apply: pinned.yaml}\n"),
              ElementsAre(testing::StartsWith("E spec.nodeName: the cluster has no node \"node-3\"")));
}

TEST_F(Discovery, AMistakeInTheScenarioHidesNoneInItsManifests) {
  dir_.write("broken.yaml", pod("Broken", "default"));
  const std::vector<std::string> said =
      said_of("  apply: [broken.yaml]\n  steps:\n  - {name: one, matrix: {port: -1}}\n");
  ASSERT_EQ(said.size(), 2U);
  EXPECT_THAT(said[0], testing::StartsWith("E spec.steps[0].matrix.port: "));
  EXPECT_THAT(said[1], testing::StartsWith("E metadata.name: "));
}

TEST_F(Discovery, SaysWhichFilesItRead) {
  dir_.write("pod.yaml", pod("a", "default"));
  const std::string file =
      dir_.write("scenario.yaml", kHead + "  apply: [pod.yaml]\n  steps: [{name: one, matrix: {}}]\n")
          .string();
  const Discovered found = discover({file});
  EXPECT_THAT(found.files, ElementsAre((dir_.path() / "pod.yaml").string(), file));
  EXPECT_EQ(found.objects, 1U);
}

TEST_F(Discovery, ReadsTheFilesOfAnApplyThatIsToBeRefused) {
  dir_.write("pod.yaml", pod("a", "default"));
  const std::string file =
      dir_.write("scenario.yaml", kHead +
                                      "  steps: [{name: one, apply: {files: [pod.yaml, none.yaml], "
                                      "expect: {refused: full}}}]\n")
          .string();
  const Discovered found = discover({file});
  EXPECT_THAT(found.files, ElementsAre((dir_.path() / "pod.yaml").string(), file));
  ASSERT_THAT(found.diagnostics, testing::SizeIs(1));
  EXPECT_EQ(found.diagnostics[0].path, "spec.steps[0].apply.files[1]");
}

TEST_F(Discovery, AMissingPathIsAnError) {
  EXPECT_THROW(discover({(dir_.path() / "nowhere").string()}), Error);
}

}  // namespace
}  // namespace labctl::scenario
