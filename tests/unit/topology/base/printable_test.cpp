#include "topology/base/printable.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace labctl {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(Printable, EscapesControlsOfOneByteAndTwo) {
  for (const auto& [text, shown] :
       Pairs{{"a\x7f", "a\\x7f"}, {"\u009b31m", "\\x9b31m"}, {"\x1b[8m", "\\x1b[8m"}, {"a\rb", "a\\x0db"}}) {
    EXPECT_EQ(printable(text), shown);
  }
}

TEST(Printable, EscapesWhatDoesNotShow) {
  for (const auto& [text, shown] : Pairs{{"a\u202eb", "a\\u202eb"},
                                         {"x \xef\xbf\xbe y", "x \\ufffe y"},
                                         {"\xef\xbf\xbf", "\\uffff"},
                                         {"\xef\xb7\x90", "\\ufdd0"},
                                         {"\xf0\x9f\xbf\xbe", "\\U0001fffe"},
                                         {"\xef\xbf\xbd", "\xef\xbf\xbd"},
                                         {"\u2066x\u2069", "\\u2066x\\u2069"},
                                         {"we\u200bb", "we\\u200bb"},
                                         {"\u200e\u200f\ufeff", "\\u200e\\u200f\\ufeff"},
                                         {"a\u2028b", "a\\u2028b"},
                                         {"\U000e0041", "\\U000e0041"}}) {
    EXPECT_EQ(printable(text), shown);
  }
}

TEST(Printable, EscapesWhatIsNoUtf8) {
  for (const auto& [text, shown] : Pairs{{"ends in \xc2", "ends in \\xc2"},
                                         {"\xff\xc3", "\\xff\\xc3"},
                                         {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
                                         {"\xc0\xaf", "\\xc0\\xaf"}}) {
    EXPECT_EQ(printable(text), shown);
  }
}

TEST(Printable, KeepsTextNewlinesAndTabs) {
  const std::string text = "gr\u00fcn \u00a9\n\tx \U0001f600 \u05d0 ## [x] a::b ::1 fd00::/8\n";
  EXPECT_EQ(printable(text), text);
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, MakesNoLineACommandOfGitHub) {
  for (const auto& [text, shown] : Pairs{{"::error file=x::y", "\\x3a:error file=x::y"},
                                         {"a\n \t::add-mask::y", "a\n \t\\x3a:add-mask::y"},
                                         {"\u3000::stop-commands::x", "\u3000\\x3a:stop-commands::x"},
                                         {":::x::", "\\x3a::x::"},
                                         {"a ##[error]b ##[x]", "a ##\\x5berror]b ##\\x5bx]"}}) {
    EXPECT_EQ(printable(text), shown);
  }
}

TEST(Printable, MakesNoLineACommandOfOtherCiSystems) {
  for (const auto& [text, shown] :
       Pairs{{"x ##vso[task.complete]", "x ##vso\\x5btask.complete]"},
             {"##teamcity[a]", "##teamcity\\x5ba]"},
             {"###[x]", "###\\x5bx]"},
             {"\x1b[0Ksection_start:1:x\r\x1b[0K", "\\x1b[0Ksection_start:1:x\\x0d\\x1b[0K"}}) {
    EXPECT_EQ(printable(text), shown);
  }
}

TEST(Printable, OnOneLineHasNoNewline) {
  EXPECT_EQ(printable_line("a\nb\tc\r"), "a b c ");
  EXPECT_EQ(printable_line("\n::error::x"), " \\x3a:error::x");
  EXPECT_EQ(printable_line("a\n::error::x"), "a ::error::x");
}

}  // namespace
}  // namespace labctl
