#include "topology/model/node_labels.hpp"

#include <gmock/gmock.h>

#include <sys/utsname.h>

namespace labctl::model {
namespace {

using ::testing::IsSupersetOf;
using ::testing::Pair;

TEST(NodeLabels, AreThoseThatEveryKubeletSets) {
  const std::string arch(architecture());
  EXPECT_THAT(node_labels({"node-1", {{"disk", "ssd"}}, {}, {}}),
              (Labels{{"beta.kubernetes.io/arch", arch},
                      {"beta.kubernetes.io/instance-type", "labctl"},
                      {"beta.kubernetes.io/os", "linux"},
                      {"disk", "ssd"},
                      {"kubernetes.io/arch", arch},
                      {"kubernetes.io/hostname", "node-1"},
                      {"kubernetes.io/os", "linux"},
                      {"node.kubernetes.io/instance-type", "labctl"}}));
}

TEST(NodeLabels, FollowWhatTheNodeWasGiven) {
  const Labels labels = node_labels(
      {"edge", {{"kubernetes.io/arch", "riscv64"}, {"node-role.kubernetes.io/control-plane", ""}}, {}, {}});
  EXPECT_THAT(labels,
              IsSupersetOf({Pair("kubernetes.io/arch", "riscv64"), Pair("beta.kubernetes.io/arch", "riscv64"),
                            Pair("node-role.kubernetes.io/control-plane", "")}));
}

TEST(NodeLabels, NameTheArchitectureOfThisMachine) {
  utsname machine{};
  ASSERT_EQ(::uname(&machine), 0);
  const std::map<std::string, std::string> names{{"x86_64", "amd64"}, {"aarch64", "arm64"}};
  const auto name = names.find(machine.machine);
  if (name == names.end()) {
    GTEST_SKIP() << "of a " << machine.machine << " this test knows no name";
  }
  EXPECT_EQ(architecture(), name->second);
}

}  // namespace
}  // namespace labctl::model
