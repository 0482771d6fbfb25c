#include "topology/base/timestamp.hpp"

#include <gtest/gtest.h>

namespace labctl {
namespace {

using namespace std::chrono;

TEST(Timestamp, IsWholeSecondsInUtc) {
  EXPECT_EQ(timestamp(system_clock::time_point{seconds(1136214245) + milliseconds(999)}),
            "2006-01-02T15:04:05Z");
  EXPECT_EQ(timestamp(system_clock::time_point{}), "1970-01-01T00:00:00Z");
}

TEST(Timestamp, ParsesWhatItWrites) {
  const system_clock::time_point time{seconds(1709209845)};
  EXPECT_EQ(parse_timestamp(timestamp(time)), time);
}

TEST(Timestamp, TakesFractionsAndOffsets) {
  const system_clock::time_point time{seconds(1136214245)};
  EXPECT_EQ(parse_timestamp("2006-01-02T15:04:05.250Z"), time + milliseconds(250));
  EXPECT_EQ(parse_timestamp("2006-01-02T17:04:05+02:00"), time);
  EXPECT_EQ(parse_timestamp("2006-01-02T08:34:05-06:30"), time);
}

TEST(Timestamp, RefusesOtherText) {
  for (const char* text :
       {"", "now", "2006-01-02", "2006-13-02T15:04:05Z", "2006-02-30T15:04:05Z", "2006-01-02T25:04:05Z",
        "2006-01-02T15:04:05", "2006-01-02T15:04:05Zulu", "2006-01-02T15:04:05+0200"}) {
    EXPECT_FALSE(parse_timestamp(text)) << text;
  }
}

}  // namespace
}  // namespace labctl
