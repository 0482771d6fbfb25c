// The corpus of broken scenarios: each says in its first line how many mistakes it has, all are found at
// once, each with its place, and the texts are those of bad.expected. LABCTL_UPDATE_GOLDEN=1 rewrites that
// file; read the difference as a user would.

#include "labctl/scenario/discovery.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace labctl::scenario {
namespace {

namespace fs = std::filesystem;

const fs::path kScenarios = fs::path(LABCTL_SOURCE_DIR) / "tests/fuzz/corpus/scenario";

std::vector<fs::path> broken_scenarios() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kScenarios / "bad")) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Names of files as they stand in the corpus, wherever that is.
std::string relative_to_corpus(std::string text) {
  const std::string here = kScenarios.string() + "/";
  for (size_t at; (at = text.find(here)) != std::string::npos;) {
    text.erase(at, here.size());
  }
  return text;
}

TEST(ScenarioCorpus, HasAtLeastThirtyBrokenFiles) { EXPECT_GE(broken_scenarios().size(), 30u); }

TEST(ScenarioCorpus, EveryMistakeIsFoundAtOnce) {
  for (const fs::path& path : broken_scenarios()) {
    const std::vector<Diagnostic> found = discover({path.string()}).diagnostics;
    const auto errors = std::count_if(found.begin(), found.end(),
                                      [](const Diagnostic& one) { return one.severity == Severity::Error; });
    const std::string claim = "# errors: " + std::to_string(errors) +
                              ", warnings: " + std::to_string(static_cast<long>(found.size()) - errors);
    const std::string text = support::read_file(path);
    EXPECT_EQ(text.substr(0, text.find('\n')), claim) << path;
    EXPECT_GT(errors, 0) << path;
  }
}

TEST(ScenarioCorpus, EveryMistakeHasAPlaceInAFile) {
  for (const fs::path& path : broken_scenarios()) {
    for (const Diagnostic& one : discover({path.string()}).diagnostics) {
      EXPECT_TRUE(fs::exists(one.where.file)) << to_string(one);
      EXPECT_GT(one.where.line, 0) << to_string(one);
      EXPECT_GT(one.where.column, 0) << to_string(one);
      EXPECT_NE(one.message.back(), '.') << to_string(one);
    }
  }
}

TEST(ScenarioCorpus, DiagnosticsAreThoseExpected) {
  std::string seen;
  for (const fs::path& path : broken_scenarios()) {
    for (const Diagnostic& one : discover({path.string()}).diagnostics) {
      seen += relative_to_corpus(to_string(one)) + "\n";
    }
    seen += "\n";
  }
  EXPECT_TRUE(support::matches_golden(seen, "tests/fuzz/corpus/scenario/bad.expected"));
}

}  // namespace
}  // namespace labctl::scenario
