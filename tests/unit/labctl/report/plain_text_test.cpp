#include "labctl/report/plain_text.hpp"

#include "labctl/report/table.hpp"

#include <gtest/gtest.h>

namespace labctl::report {
namespace {

TEST(PlainText, ShowsWhatIsNoUtf8AndControlCharactersInHex) {
  EXPECT_EQ(plain_text("a\x1b[0m\xff\xc3"), "a\\x1b[0m\\xff\\xc3");
  EXPECT_EQ(plain_text("\xc2\x9b\x7f"), "\\xc2\\x9b\\x7f");
  EXPECT_EQ(plain_text("\xed\xa0\x80"), "\\xed\\xa0\\x80");
}

TEST(PlainText, KeepsLinesTabsAndUtf8) {
  EXPECT_EQ(plain_text("a\n\tgr\u00fcn \U0001f600"), "a\n\tgr\u00fcn \U0001f600");
}

TEST(PlainText, OnOneLineHasNoNewline) { EXPECT_EQ(plain_line("a\nb\tc\r"), "a b c "); }

TEST(CutToWidth, CountsCharactersAndNotBytes) {
  EXPECT_EQ(cut_to_width("gr\u00fcn", 4), "gr\u00fcn");
  EXPECT_EQ(cut_to_width("gr\u00fcne Wiese", 6), "gr\u00fc...");
  EXPECT_EQ(cut_to_width("abcdef", 3), "...");
  EXPECT_EQ(cut_to_width("abcdef", 1), ".");
  EXPECT_EQ(cut_to_width("abcdef", 0), "");
}

}  // namespace
}  // namespace labctl::report
