#include "topology/base/time_zone.hpp"

#include "topology/base/timestamp.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace labctl {
namespace {

std::int64_t offset(const TimeZone& zone, const char* at) {
  return zone.offset_at(std::chrono::floor<std::chrono::seconds>(*parse_timestamp(at))).count();
}

std::string text_of(const char* name) {
  std::ifstream in(std::string("/usr/share/zoneinfo/") + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(TimeZone, WithoutANameItIsUtc) {
  EXPECT_EQ(offset(TimeZone(), "2026-07-01T00:00:00Z"), 0);
  EXPECT_EQ(offset(*find_time_zone("UTC"), "2026-07-01T00:00:00Z"), 0);
}

TEST(TimeZone, ChangesAtTheSecond) {
  const auto berlin = find_time_zone("Europe/Berlin");
  ASSERT_TRUE(berlin) << "is the package tzdata installed?";
  EXPECT_EQ(offset(*berlin, "2026-03-29T00:59:59Z"), 3600);
  EXPECT_EQ(offset(*berlin, "2026-03-29T01:00:00Z"), 7200);
  EXPECT_EQ(offset(*berlin, "2026-10-25T00:59:59Z"), 7200);
  EXPECT_EQ(offset(*berlin, "2026-10-25T01:00:00Z"), 3600);
}

// Beyond the last change that a file lists, its rule says what is.
TEST(TimeZone, GoesOnByItsRule) {
  const auto berlin = find_time_zone("Europe/Berlin");
  const auto sydney = find_time_zone("Australia/Sydney");
  ASSERT_TRUE(berlin && sydney);
  EXPECT_EQ(offset(*berlin, "2100-03-28T00:59:59Z"), 3600);
  EXPECT_EQ(offset(*berlin, "2100-03-28T01:00:00Z"), 7200);
  EXPECT_EQ(offset(*sydney, "2100-01-01T00:00:00Z"), 11 * 3600);
  EXPECT_EQ(offset(*sydney, "2100-07-01T00:00:00Z"), 10 * 3600);
}

// A file without changes, with a rule of its own.
std::string file_with_rule(const std::string& rule) {
  std::string header = "TZif2" + std::string(15, '\0') + std::string(24, '\0');
  header[20 + 16 + 3] = 1;  // one type
  header[20 + 20 + 3] = 1;  // one character of names
  const std::string body = std::string(6, '\0') + std::string(1, '\0');
  return header + body + header + body + "\n" + rule + "\n";
}

TEST(TimeZone, ReadsEveryShapeOfRule) {
  const auto at = [](const std::string& rule, const char* time) {
    return offset(*TimeZone::parse(file_with_rule(rule)), time);
  };
  EXPECT_EQ(at("EST5", "2026-07-01T00:00:00Z"), -5 * 3600);
  EXPECT_EQ(at("<+0530>-5:30", "2026-07-01T00:00:00Z"), 19'800);
  EXPECT_EQ(at("AAA0BBB,J60/0,J300/0", "2026-03-01T00:00:00Z"), 3600);
  EXPECT_EQ(at("AAA0BBB,J60/0,J300/0", "2028-02-29T23:59:59Z"), 0);
  EXPECT_EQ(at("AAA0BBB,59/0,299/0", "2028-02-29T00:00:00Z"), 3600);
  EXPECT_EQ(at("AAA0BBB-2,M3.5.0/-1,M10.5.0/0", "2026-03-28T23:00:00Z"), 7200);
  EXPECT_EQ(at("AAA0BBB-2,M3.5.0/-1,M10.5.0/0", "2026-03-28T22:59:59Z"), 0);
  for (const char* broken :
       {"", "A", "AAA0BBB,M3.5.0", "AAA0BBB,M13.1.0,M10.1.0", "AAA0BBB,M3.0.0,M10.1.0", "<AAA5"}) {
    EXPECT_EQ(at(broken, "2026-07-01T00:00:00Z"), 0) << broken;
  }
}

TEST(TimeZone, RefusesWhatIsNoZone) {
  EXPECT_FALSE(TimeZone::parse(""));
  EXPECT_FALSE(TimeZone::parse("TZif2"));
  const std::string whole = text_of("Europe/Berlin");
  ASSERT_FALSE(whole.empty()) << "is the package tzdata installed?";
  ASSERT_TRUE(TimeZone::parse(whole));
  for (std::size_t length = 0; length < whole.size() / 2; ++length) {
    EXPECT_FALSE(TimeZone::parse(whole.substr(0, length))) << length;
  }
  std::string hostile = whole;
  hostile[20] = hostile[32] = '\x7f';
  EXPECT_FALSE(TimeZone::parse(hostile));
}

TEST(TimeZone, IsFoundByItsNameAlone) {
  for (const char* name : {"", "Mars/Base", "../../../etc/passwd", "/etc/localtime", "zone.tab", "Europe",
                           "Europe/./Berlin", "Europe/Berlin ", "europe\nberlin"}) {
    EXPECT_FALSE(find_time_zone(name)) << name;
  }
}

}  // namespace
}  // namespace labctl
