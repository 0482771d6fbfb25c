// The corpus of broken files: each has at least one error, every error a position, and all texts are those of
// bad.expected. LABCTL_UPDATE_GOLDEN=1 rewrites that file; read the difference as a user would.

#include "tests/support/golden.hpp"
#include "tests/support/temp_dir.hpp"
#include "topology/manifest/loader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace labctl::manifest {
namespace {

namespace fs = std::filesystem;

const fs::path kCorpus = fs::path(LABCTL_SOURCE_DIR) / "tests/fuzz/corpus/manifest";

std::vector<fs::path> files_of(const char* folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kCorpus / folder)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Loaded load_file(const fs::path& path, bool strict = false) {
  LoadOptions options;
  options.strict = strict;
  return load({{path.filename().string(), support::read_file(path)}}, options);
}

TEST(Corpus, HasAtLeastSixtyBrokenFiles) { EXPECT_GE(files_of("bad").size(), 60u); }

TEST(Corpus, EveryBrokenFileHasAnErrorWithAPosition) {
  for (const fs::path& path : files_of("bad")) {
    const Loaded loaded = load_file(path);
    EXPECT_TRUE(has_errors(loaded.diagnostics)) << path;
    for (const Diagnostic& diagnostic : loaded.diagnostics) {
      EXPECT_EQ(diagnostic.where.file, path.filename()) << to_string(diagnostic);
      EXPECT_GT(diagnostic.where.line, 0) << to_string(diagnostic);
      EXPECT_GT(diagnostic.where.column, 0) << to_string(diagnostic);
      EXPECT_FALSE(diagnostic.message.empty()) << path;
      EXPECT_NE(diagnostic.message.back(), '.') << to_string(diagnostic);
    }
  }
}

TEST(Corpus, DiagnosticsAreThoseExpected) {
  std::string seen;
  for (const fs::path& path : files_of("bad")) {
    for (const Diagnostic& diagnostic : load_file(path).diagnostics) {
      seen += to_string(diagnostic) + "\n";
    }
    seen += "\n";
  }
  EXPECT_TRUE(support::matches_golden(seen, "tests/fuzz/corpus/manifest/bad.expected"));
}

TEST(Corpus, GoodFilesHaveNoError) {
  for (const fs::path& path : files_of("good")) {
    for (const Diagnostic& diagnostic : load_file(path).diagnostics) {
      EXPECT_EQ(diagnostic.severity, Severity::Warning) << to_string(diagnostic);
    }
  }
}

TEST(Corpus, StrictOnlyAddsErrors) {
  for (const char* folder : {"bad", "good"}) {
    for (const fs::path& path : files_of(folder)) {
      EXPECT_EQ(load_file(path).diagnostics.size(), load_file(path, true).diagnostics.size()) << path;
    }
  }
}

// What an editor leaves behind at any moment of typing must not crash either.
TEST(Corpus, GoodFilesCutAnywhereAreReadWithoutACrash) {
  for (const fs::path& path : files_of("good")) {
    const std::string text = support::read_file(path);
    // Some hundred cuts a file: the fuzz target makes the others.
    const size_t step = std::max<size_t>(1, text.size() / 300);
    for (size_t length = 0; length < text.size(); length += step) {
      load({{"cut.yaml", text.substr(0, length)}}, {});
    }
  }
}

}  // namespace
}  // namespace labctl::manifest
