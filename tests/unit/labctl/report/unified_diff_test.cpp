#include "labctl/report/text/unified_diff.hpp"

#include <gtest/gtest.h>

namespace labctl::report {
namespace {

std::string diff(std::string_view before, std::string_view after) {
  return unified_diff({"a", before}, {"b", after});
}

TEST(UnifiedDiff, SaysNothingOfEqualTexts) {
  EXPECT_EQ(diff("", ""), "");
  EXPECT_EQ(diff("x\ny\n", "x\ny\n"), "");
}

// Each as GNU diff -u prints it.
TEST(UnifiedDiff, PrintsWhatDiffPrints) {
  EXPECT_EQ(diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n"),
            "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n");
  EXPECT_EQ(diff("", "new\n"), "--- a\n+++ b\n@@ -0,0 +1 @@\n+new\n");
  EXPECT_EQ(diff("old\nolder\n", ""), "--- a\n+++ b\n@@ -1,2 +0,0 @@\n-old\n-older\n");
  EXPECT_EQ(diff("a\nb\nc\n", "a\nc\n"), "--- a\n+++ b\n@@ -1,3 +1,2 @@\n a\n-b\n c\n");
}

TEST(UnifiedDiff, JoinsChangesThatStandNearAndPartsThoseThatDoNot) {
  EXPECT_EQ(diff("1\n2\n3\n4\n5\n6\n7\n8\n", "x\n2\n3\n4\n5\n6\n7\ny\n"),
            "--- a\n+++ b\n@@ -1,8 +1,8 @@\n-1\n+x\n 2\n 3\n 4\n 5\n 6\n 7\n-8\n+y\n");
  EXPECT_EQ(diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "x\n2\n3\n4\n5\n6\n7\n8\ny\n"),
            "--- a\n+++ b\n@@ -1,4 +1,4 @@\n-1\n+x\n 2\n 3\n 4\n@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+y\n");
}

TEST(UnifiedDiff, OfLongTextsWithNothingInCommonIsBounded) {
  std::string one, other;
  for (int i = 0; i < 20'000; ++i) {
    one += "a" + std::to_string(i) + "\n";
    other += "b" + std::to_string(i) + "\n";
  }
  const std::string text = diff(one, other);
  EXPECT_TRUE(text.starts_with("--- a\n+++ b\n@@ -1,20000 +1,20000 @@\n-a0\n"));
}

}  // namespace
}  // namespace labctl::report
