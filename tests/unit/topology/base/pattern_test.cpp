#include "topology/base/pattern.hpp"

#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace labctl {
namespace {

using testing::HasSubstr;

TEST(Pattern, IsFoundInAPartUnlessItIsHeldAtTheEnds) {
  EXPECT_TRUE(Pattern("b+").is_found_in("abbc"));
  EXPECT_FALSE(Pattern("^b").is_found_in("ab\nb"));
  EXPECT_TRUE(Pattern("(?m)^b").is_found_in("ab\nb"));
  EXPECT_FALSE(Pattern("a.b").is_found_in("a\nb"));
  EXPECT_TRUE(Pattern("a(?s:.)b").is_found_in("a\nb"));
  EXPECT_TRUE(Pattern("^echo-1 [0-9]+\\n$").is_found_in("echo-1 12\n"));
  EXPECT_TRUE(Pattern("").is_found_in(""));
  EXPECT_TRUE(Pattern("a").is_found_in("\xff\xfe a"));
}

TEST(Pattern, LongTextsNeedNoStack) {
  const std::string text(200'000, 'a');
  EXPECT_TRUE(Pattern("^(a|b)*$").is_found_in(text));
  EXPECT_TRUE(Pattern("^(.|\n)*a$").is_found_in(text));
  EXPECT_TRUE(Pattern("a").is_found_in(std::string(3 << 20, 'a')));
}

TEST(Pattern, TheWholeTextIsSearched) {
  std::string lines;
  for (int i = 0; i < 500'000; ++i) {
    lines += "line\n";
  }
  for (const char* pattern : {"END", "END\\n$", "(?m)^END$", "line\nEND", "^line(?s:.*)END\\n$"}) {
    EXPECT_TRUE(Pattern(pattern).is_found_in(lines + "END\n")) << pattern;
    EXPECT_FALSE(Pattern(pattern).is_found_in(lines)) << pattern;
  }
}

TEST(Pattern, NoneTakesMoreThanLinearTime) {
  const std::string text = std::string(200'000, 'a') + "!";
  for (const char* catastrophe :
       {"^(a+)+$", "^(a|aa)+$", "^(a*)*b$", "(x+x+)+y", "^(a|a?)+$", "^(.*a){20}$"}) {
    EXPECT_FALSE(Pattern(catastrophe).is_found_in(text)) << catastrophe;
  }
}

TEST(Pattern, SaysWhatIsWrongWithIt) {
  const std::vector<std::pair<std::string, std::string>> faults{
      {"(", "missing )"},
      {"([", "missing ]"},
      {"a**", "bad repetition operator"},
      {"(a)\\1", "backreferences, \\1, are not supported"},
      {"(?P<n>a)\\k<n>", "backreferences, \\k, are not supported"},
      {"a(?=b)", "lookaround, (?=...), is not supported"},
      {"a(?!b)", "lookaround, (?!...), is not supported"},
      {"(?<=a)b", "lookaround, (?<=...), is not supported"},
      {"(?<!a)b", "lookaround, (?<!...), is not supported"},
      {"(?<n>a)", "invalid"},
      {"a{1001}", "invalid repetition size"},
      {"((a{100}){100}){100}", "is no regular expression: "},
      {"\\u263a", "invalid escape sequence: \\u"},
      {"\xff", "invalid UTF-8"},
      {"a[^]*b", "a class [] or [^] of nothing"},
      {"[]", "a class [] or [^] of nothing"},
      {std::string(501, 'a'), "a pattern has at most 500 characters"},
  };
  for (const auto& [pattern, why] : faults) {
    const auto fault = Pattern::fault_of(pattern);
    ASSERT_TRUE(fault) << pattern;
    EXPECT_THAT(fault->message, HasSubstr(why));
    EXPECT_THROW(Pattern{pattern}, Error) << pattern;
  }
}

TEST(Pattern, AClassMayHoldABracket) {
  for (const char* pattern : {"[^\\]]", "[a\\]]", "\\[]", "[[:alpha:]]", "[a-z[]"}) {
    EXPECT_FALSE(Pattern::fault_of(pattern)) << Pattern::fault_of(pattern)->message;
  }
}

}  // namespace
}  // namespace labctl
