#include "topology/base/excerpt.hpp"

#include <gtest/gtest.h>

namespace labctl {
namespace {

TEST(Excerpt, AShortTextIsWhole) {
  EXPECT_EQ(excerpt("", 4), "");
  EXPECT_EQ(excerpt("abcd", 4), "abcd");
}

TEST(Excerpt, ALongOneIsCutInTheMiddle) {
  EXPECT_EQ(excerpt("abcdefgh", 4), "ab ... (4 bytes) ... gh");
  const std::string text = std::string(5'000'000, 'x') + "END";
  EXPECT_EQ(excerpt(text, 6), "xxx ... (4,999,997 bytes) ... END");
}

TEST(Excerpt, NoCharacterIsCut) {
  const std::string eszett = "\xc3\x9f";
  std::string text;
  for (int i = 0; i < 10; ++i) {
    text += eszett;
  }
  EXPECT_EQ(excerpt(text, 6), eszett + " ... (16 bytes) ... " + eszett);
  EXPECT_EQ(excerpt("\x80\x80\x80\x80\x80\x80\x80\x80", 4), "\x80\x80 ... (4 bytes) ... \x80\x80");
}

TEST(Excerpt, OfManyLinesTheFirstAndTheLastAreShown) {
  EXPECT_EQ(excerpt_of_lines("a\nb\nc\nd\ne\nf\n", 4, 10), "a\nb\n... (2 lines) ...\ne\nf\n");
  EXPECT_EQ(excerpt_of_lines("a\nb\nc\nd\ne", 3, 10), "a\nb\n... (2 lines) ...\ne");
  EXPECT_EQ(excerpt_of_lines("a\nb\n", 2, 10), "a\nb\n");
  EXPECT_EQ(excerpt_of_lines("a\nabcdefgh\n", 2, 4), "a\nab ... (4 bytes) ... gh\n");
  EXPECT_EQ(excerpt_of_lines("", 2, 4), "");
  EXPECT_EQ(excerpt_of_lines("\n\n\n", 1, 4), "\n... (2 lines) ...\n");
}

TEST(Excerpt, NumbersAreReadInThrees) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1000), "1,000");
  EXPECT_EQ(with_commas(4194304), "4,194,304");
}

}  // namespace
}  // namespace labctl
