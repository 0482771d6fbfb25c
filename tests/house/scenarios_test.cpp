// A scenario's folder is complete: a reader finds what it shows, a user runs it.

#include "tests/house/source_tree.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <string>

namespace labctl::house {
namespace {

namespace fs = std::filesystem;

TEST(Scenarios, HaveAReadmeWithADrawingAndAScenario) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(repository() / "scenarios")) {
    if (!entry.is_directory()) {
      continue;
    }
    ++count;
    EXPECT_TRUE(fs::exists(entry.path() / "scenario.yaml")) << entry.path();
    ASSERT_TRUE(fs::exists(entry.path() / "README.md")) << entry.path();
    const std::string text = support::read_file(entry.path() / "README.md");
    EXPECT_NE(text.find("```"), std::string::npos) << entry.path() << ": the README draws the lab";
    EXPECT_NE(text.find("labctl test scenarios/" + entry.path().filename().string()), std::string::npos)
        << entry.path() << ": the README says how to run it";
  }
  EXPECT_GT(count, 0);
}

TEST(Scenarios, HoldOnlyData) {
  for (const auto& entry : fs::recursive_directory_iterator(repository() / "scenarios")) {
    const std::string extension = entry.path().extension();
    EXPECT_TRUE(!entry.is_regular_file() || extension == ".yaml" || extension == ".md" ||
                extension == ".txt" || extension == ".json" || extension == ".html" || extension == ".xml")
        << entry.path();
  }
}

TEST(Scenarios, EveryStepExplainsItself) {
  const std::string text = support::read_file(repository() / "scenarios/quickstart/scenario.yaml");
  size_t names = 0;
  size_t explanations = 0;
  for (size_t at = text.find("\n  - name: "); at != std::string::npos;
       at = text.find("\n  - name: ", at + 1)) {
    ++names;
  }
  for (size_t at = text.find("\n    explain: "); at != std::string::npos;
       at = text.find("\n    explain: ", at + 1)) {
    ++explanations;
  }
  EXPECT_GT(names, 0U);
  EXPECT_EQ(names, explanations);
}

}  // namespace
}  // namespace labctl::house
