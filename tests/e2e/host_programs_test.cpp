// What a plain manifest cannot have run on the host: every field that could once, and the switch that forbids
// the others. As root and as an ordinary user.

#include "tests/e2e/labctl_program.hpp"

#include <filesystem>

namespace labctl::e2e {
namespace {

using support::ProgramResult;

class HostPrograms : public ::testing::Test {
 protected:
  // Anybody may write there: programs of a lab of root are nobody's on the host.
  void SetUp() override { std::filesystem::permissions(marks_.path(), std::filesystem::perms::all); }
  // A program of the host would make this file; the lab of root and that of a user could, since all may write the
  // host's files.
  std::string mark(const std::string& name) const { return (marks_.path() / name).string(); }
  std::string touch(const std::string& name) const {
    return "{exec: {command: [touch, " + mark(name) + "]}}";
  }
  bool is_untouched() const { return std::filesystem::is_empty(marks_.path()); }

  support::TempDir marks_;
  Labctl lab_;
};

TEST_F(HostPrograms, NothingOfAnImageThatIsStoodInForRuns) {
  const std::string file = lab_.write(
      "all.yaml",
      cluster("stranger", "nodes: 1, writableHost: true, hostPrograms: none") +
          "apiVersion: v1\nkind: Pod\nmetadata: {name: app}\nspec:\n  terminationGracePeriodSeconds: 1\n"
          "  initContainers: [{name: init, image: busybox, command: [touch, " +
          mark("init") + "]}]\n  containers:\n  - {name: main, image: nginx, command: [touch, " +
          mark("command") + "], ports: [{containerPort: 80}], startupProbe: " + touch("startup") +
          ", readinessProbe: " + touch("ready") + ", livenessProbe: {periodSeconds: 1, " +
          touch("live").substr(1) + ", lifecycle: {postStart: " + touch("start") +
          ", preStop: " + touch("stop") + "}}\n" +
          "---\napiVersion: v1\nkind: Pod\nmetadata: {name: other}\nspec: {containers: [{name: main, image: "
          "agnhost, args: [netexec, --http-port=81], ports: [{containerPort: 81}]}]}\n");
  ASSERT_TRUE(ends_with(lab_.run({"up", file}), kPassed));
  for (const char* port : {"10.244.1.2:80", "10.244.1.3:81"}) {
    const ProgramResult asked = lab_.run(
        {"probe", "node/node-1", "http://" + std::string(port) + "/shell?cmd=touch%20" + mark("shell")});
    EXPECT_TRUE(ends_with(asked, kPassed));
  }
  EXPECT_TRUE(ends_with(lab_.run({"delete", "pod", "app"}), kPassed));
  EXPECT_TRUE(eventually([&] { return !has(lab_.run({"get", "pods"}).out, "app"); }));
  EXPECT_TRUE(is_untouched());

  // What comes later is held to the same.
  const std::string later = lab_.write("later.yaml", host_pod("later", "touch " + mark("later")));
  const ProgramResult applied = lab_.run({"apply", "-f", later});
  EXPECT_TRUE(ends_with(applied, kUsage));
  EXPECT_TRUE(has(applied.err, "hostPrograms: none forbids"));
  EXPECT_TRUE(is_untouched());
}

TEST_F(HostPrograms, ForbiddenOnesAreToldOfAllAtOnceAndNothingIsBooted) {
  const std::string file = lab_.write(
      "own.yaml", cluster("own", "writableHost: true, images: [{match: \"x*\", command: [touch]}]") +
                      host_pod("one", "touch " + mark("one")) + "---\n" +
                      host_pod("two", "touch " + mark("two")));
  const ProgramResult told = lab_.run({"lint", file});
  EXPECT_TRUE(ends_with(told, kPassed));
  EXPECT_TRUE(has(told.out + told.err, "3 fields run programs of this host: image: host (2), images (1)"));
  for (const char* verb : {"lint", "up"}) {
    const ProgramResult refused = lab_.run({verb, file, "--host-programs", "none"});
    EXPECT_TRUE(ends_with(refused, kUsage));
    EXPECT_EQ(count_of(refused.out + refused.err, "--host-programs none forbids"), 3);
  }
  EXPECT_TRUE(lab_.lab_folders().empty());
  EXPECT_TRUE(is_untouched());
}

TEST_F(HostPrograms, AFileAloneSendsNoRequestsElsewhere) {
  const std::string store = "store: \"etcd://192.0.2.1:2379\"";
  const std::string file = lab_.write("store.yaml", cluster("far", "nodes: 1, " + store));
  const std::string scenario =
      lab_.write("scenario.yaml",
                 "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: far}\nspec:\n  cluster: "
                 "{nodes: 1, " +
                     store + "}\n  steps: [{name: one, wait: {for: node/node-1, condition: Ready}}]\n");
  for (const auto& arguments : {std::vector<std::string>{"up", file}, {"lint", file}, {"test", scenario}}) {
    const ProgramResult refused = lab_.run(arguments);
    EXPECT_TRUE(ends_with(refused, kUsage));
    EXPECT_TRUE(has(refused.out + refused.err, "--remote-store on the command line"));
  }
  EXPECT_TRUE(ends_with(lab_.run({"lint", file, "--remote-store"}), kPassed));
}

TEST_F(HostPrograms, ScenariosOfStrangersRunNothing) {
  const std::string file =
      lab_.write("scenario.yaml",
                 "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: stranger}\nspec:\n"
                 "  cluster: {nodes: 1, writableHost: true, hostPrograms: all}\n  steps:\n  - name: runs\n   "
                 " exec: {in: node/node-1, "
                 "command: [touch, " +
                     mark("step") + "]}\n");
  const ProgramResult refused = lab_.run({"test", file, "--host-programs", "none"});
  EXPECT_TRUE(ends_with(refused, kUsage));
  EXPECT_TRUE(has(refused.err, "scenario.yaml:8:"));
  EXPECT_TRUE(is_untouched());
  EXPECT_TRUE(ends_with(lab_.run({"test", file}), kPassed));
  EXPECT_FALSE(is_untouched()) << "it would have run";
}

}  // namespace
}  // namespace labctl::e2e
