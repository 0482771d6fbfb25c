// At the root only what people expect.

#include "tests/house/source_tree.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <set>
#include <string>

namespace labctl::house {
namespace {

namespace fs = std::filesystem;

const std::set<std::string> kTopLevel = {
    "CMakeLists.txt",
    "CMakePresets.json",
    "labctl",
    "topology",
    "probes",
    "scenarios",
    "ci",
    "tests",
    "vagrant",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE",
    // Settings of tools, and the entry of continuous integration.
    ".clang-format",
    ".clang-tidy",
    ".gitignore",
    ".ci",
};
// Never committed: what git keeps, what is built.
const std::set<std::string> kLocal = {".git",    "build", ".cache",  "compile_commands.json",
                                      ".vscode", ".idea", ".vagrant"};

TEST(TopLevel, IsExactlyThis) {
  std::set<std::string> seen;
  for (const auto& entry : fs::directory_iterator(repository())) {
    const std::string name = entry.path().filename();
    if (!kLocal.contains(name)) {
      seen.insert(name);
    }
  }
  EXPECT_EQ(seen, kTopLevel);
}

TEST(TopLevel, StagesOfCiCanBeRun) {
  for (const char* stage : {"ci/setup", "ci/build", "ci/test", "ci/check", "ci/bench", "ci/quickstart",
                            "ci/bare-test", ".ci/run"}) {
    EXPECT_EQ(::access((repository() / stage).c_str(), X_OK), 0) << stage;
  }
}

}  // namespace
}  // namespace labctl::house
