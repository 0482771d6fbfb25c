#pragma once

// Output compared with a file kept beside the tests. With LABCTL_UPDATE_GOLDEN=1 in the environment the file
// is written instead, and the change is read in review.

#include <gtest/gtest.h>

#include <filesystem>
#include <string_view>

namespace labctl::support {

// Use: EXPECT_TRUE(matches_golden(text, "tests/fuzz/corpus/scenario/bad.expected")). A relative `file` is
// below the source folder. On failure the result shows the first line that differs, wanted and seen.
::testing::AssertionResult matches_golden(std::string_view actual, const std::filesystem::path& file);

}  // namespace labctl::support
