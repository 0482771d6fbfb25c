#include "tests/support/golden.hpp"

#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace labctl::support {
namespace {

class Golden : public ::testing::Test {
 protected:
  void SetUp() override { ::unsetenv("LABCTL_UPDATE_GOLDEN"); }
  void TearDown() override { ::unsetenv("LABCTL_UPDATE_GOLDEN"); }
  TempDir dir_;
};

TEST_F(Golden, EqualTextMatches) {
  EXPECT_TRUE(matches_golden("a\nb\n", dir_.write("wanted.txt", "a\nb\n")));
}

TEST_F(Golden, DifferenceNamesTheFirstLineThatDiffers) {
  const auto result = matches_golden("a\nc\n", dir_.write("wanted.txt", "a\nb\n"));
  EXPECT_FALSE(result);
  EXPECT_NE(std::string(result.message()).find("line 2:\n  wanted: b\n  seen:   c"), std::string::npos);
}

TEST_F(Golden, MissingFinalNewlineIsADifference) {
  const auto result = matches_golden("a", dir_.write("wanted.txt", "a\n"));
  EXPECT_FALSE(result);
  EXPECT_NE(std::string(result.message()).find("final newline"), std::string::npos);
}

TEST_F(Golden, AbsentFileFailsAndSaysHowToWriteIt) {
  const auto result = matches_golden("a", dir_.path() / "absent.txt");
  EXPECT_FALSE(result);
  EXPECT_NE(std::string(result.message()).find("LABCTL_UPDATE_GOLDEN=1"), std::string::npos);
}

TEST_F(Golden, UpdateWritesTheFile) {
  ::setenv("LABCTL_UPDATE_GOLDEN", "1", 1);
  EXPECT_TRUE(matches_golden("new\n", dir_.path() / "sub" / "new.txt"));
  EXPECT_EQ(read_file(dir_.path() / "sub" / "new.txt"), "new\n");
}

}  // namespace
}  // namespace labctl::support
