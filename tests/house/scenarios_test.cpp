// A scenario's folder is complete: a reader finds what it shows, a user runs it.

#include "tests/house/source_tree.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <regex>
#include <sstream>
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
    if (!fs::exists(entry.path() / "scenario.yaml")) {  // many of one sort, which one README describes
      for (const auto& one : fs::directory_iterator(entry.path())) {
        EXPECT_TRUE(!one.is_directory() || fs::exists(one.path() / "scenario.yaml")) << one.path();
      }
    }
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

// How many probes of a flow fit between two steps is a matter of how busy the machine is. `sent` and the
// backends are waited for; a share says something only of a number that is.
TEST(Scenarios, NoneExpectsAShareOfAFlowWhoseLengthIsLeftToTheClock) {
  const std::regex share(R"(okPercent: *(?!0\b)[0-9])");
  int shares = 0;
  for (const auto& entry : fs::recursive_directory_iterator(repository() / "scenarios")) {
    if (entry.path().extension() != ".yaml") {
      continue;
    }
    std::istringstream lines(support::read_file(entry.path()));
    for (std::string line; std::getline(lines, line);) {
      if (std::regex_search(line, share)) {
        ++shares;
        EXPECT_NE(line.find("sent:"), std::string::npos) << entry.path() << ": " << line;
      }
    }
  }
  EXPECT_GT(shares, 0);
}

// With what ci/setup installs, without --dev, a scenario runs or is skipped with the reason.
TEST(Scenarios, SayWhichProgramsTheyNeed) {
  support::Program program;
  program.command = {"python3", (repository() / "tests/house/scenario_programs.py").string(),
                     (repository() / "scenarios").string()};
  const bool has_python = !support::find_program("python3").empty();
  const support::ProgramResult result = has_python ? support::run_program(program) : support::ProgramResult{};
  constexpr int kNoYaml = 3;
  if (!has_python || result.exit_code == kNoYaml) {
    ASSERT_EQ(std::getenv("LABCTL_NO_SKIP"), nullptr) << "may not be skipped: needs python3-yaml";
    GTEST_SKIP() << "needs python3-yaml";
  }
  EXPECT_EQ(result.exit_code, 0) << to_string(result);
  EXPECT_EQ(result.out, "") << "neither in needs: [program/NAME], nor of every Debian, nor of ci/setup";
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
