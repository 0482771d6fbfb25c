// Headers open with what the thing is.

#include "tests/house/source_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace labctl::house {
namespace {

// #pragma once, an empty line, then prose.
constexpr size_t kOpeningLines = 4;
// "Past 500, look for the second idea."
constexpr size_t kLinesMost = 500;

TEST(Headers, OpenWithPragmaOnceAndAComment) {
  for (const SourceFile& file : sources({"labctl", "probes", "topology", "tests"})) {
    if (!file.is_header()) {
      continue;
    }
    ASSERT_FALSE(file.lines.empty()) << file.path;
    EXPECT_EQ(file.lines[0], "#pragma once") << file.path;
    const auto end =
        file.lines.begin() + static_cast<std::ptrdiff_t>(std::min(kOpeningLines, file.lines.size()));
    EXPECT_TRUE(
        std::any_of(file.lines.begin(), end, [](const std::string& line) { return line.starts_with("// "); }))
        << file.path << ": a header says in its first lines what the thing is";
  }
}

TEST(Sources, IncludeTheirOwnHeaderFirst) {
  for (const SourceFile& file : product_sources()) {
    const std::string header = file.path.substr(0, file.path.size() - 4) + ".hpp";
    if (file.is_header() || !std::filesystem::exists(repository() / header)) {
      continue;
    }
    const std::vector<Include> includes = includes_of(file);
    ASSERT_FALSE(includes.empty()) << file.path;
    EXPECT_EQ(includes.front().name, header) << file.path;
  }
}

TEST(Sources, AreUnderFiveHundredLines) {
  for (const SourceFile& file : product_sources()) {
    EXPECT_LE(file.lines.size(), kLinesMost) << file.path << ": look for the second idea";
  }
}

}  // namespace
}  // namespace labctl::house
