#include "topology/base/duration.hpp"

#include <gtest/gtest.h>

#include <string>

namespace labctl {
namespace {

using std::chrono::microseconds;

struct Case {
  const char* text;
  long long us;
};

TEST(ParseDuration, TakesGoDurations) {
  for (const Case& c :
       {Case{"0", 0}, Case{"0s", 0}, Case{"1ns", 0}, Case{"500ns", 1}, Case{"7us", 7}, Case{"500ms", 500'000},
        Case{"2s", 2'000'000}, Case{"1m30s", 90'000'000}, Case{"1.5h", 5'400'000'000}, Case{".5s", 500'000},
        Case{"1h1m1s1ms1us", 3'661'001'001}}) {
    const auto parsed = parse_duration(c.text);
    ASSERT_TRUE(parsed) << c.text;
    EXPECT_EQ(parsed->count(), c.us) << c.text;
  }
}

TEST(ParseDuration, RefusesWhatIsNone) {
  for (const char* text :
       {"", "5", "s", "-1s", "+1s", "1 s", "1s ", "1d", "1.2.3s", "1e3s", "nan s", "infs", "600h", "1sx"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(ParseDuration, TakesUpTo24Days) {
  EXPECT_TRUE(parse_duration("576h"));
  EXPECT_FALSE(parse_duration("576h1s"));
}

TEST(DurationText, IsTheShortestExactForm) {
  EXPECT_EQ(to_string(microseconds(0)), "0s");
  EXPECT_EQ(to_string(microseconds(500'000)), "500ms");
  EXPECT_EQ(to_string(microseconds(90'000'000)), "1m30s");
  EXPECT_EQ(to_string(microseconds(3'661'001'001)), "1h1m1s1ms1us");
}

TEST(DurationText, ComesBackThroughParse) {
  for (const long long us : {1LL, 999LL, 1'500'000LL, 86'400'000'001LL}) {
    EXPECT_EQ(parse_duration(to_string(microseconds(us))), microseconds(us));
  }
}

}  // namespace
}  // namespace labctl
