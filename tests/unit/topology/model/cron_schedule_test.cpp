#include "topology/model/cron_schedule.hpp"

#include "topology/base/error.hpp"
#include "topology/base/timestamp.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace labctl::model {
namespace {

struct Due {
  const char* schedule;
  const char* after;
  const char* zone;
  const char* next;
};

// The next times are those of a walk through all minutes with Python's zoneinfo.
TEST(CronSchedule, KnowsTheNextTimeInEveryZone) {
  const std::vector<Due> table{
      {"*/15 * * * *", "2026-01-01T00:00:00Z", "UTC", "2026-01-01T00:15:00Z"},
      {"*/15 * * * *", "2026-01-01T00:14:59Z", "UTC", "2026-01-01T00:15:00Z"},
      {"0 0 * * *", "2026-12-31T00:00:00Z", "UTC", "2027-01-01T00:00:00Z"},
      {"5/20 2 * * *", "2026-03-01T02:25:00Z", "UTC", "2026-03-01T02:45:00Z"},
      {"0 9-17/4 * * mon-fri", "2026-05-01T17:00:00Z", "UTC", "2026-05-04T09:00:00Z"},
      {"0 0 13 * 5", "2026-02-01T00:00:00Z", "UTC", "2026-02-06T00:00:00Z"},
      {"0 0 */10 * 1", "2026-02-01T00:00:00Z", "UTC", "2026-02-02T00:00:00Z"},
      {"0 0 * * 1", "2026-02-02T00:00:00Z", "UTC", "2026-02-09T00:00:00Z"},
      {"0 0 29 2 *", "2026-01-01T00:00:00Z", "UTC", "2028-02-29T00:00:00Z"},
      {"0 0 31 * *", "2026-04-01T00:00:00Z", "UTC", "2026-05-31T00:00:00Z"},
      {"0 12 1 JAN,Jul ?", "2026-02-01T00:00:00Z", "UTC", "2026-07-01T12:00:00Z"},
      {"59 23 31 12 *", "2026-12-31T23:59:00Z", "UTC", "2027-12-31T23:59:00Z"},
      {"30 2 * * *", "2026-03-28T12:00:00Z", "Europe/Berlin", "2026-03-30T00:30:00Z"},
      {"30 2 * * *", "2026-10-24T12:00:00Z", "Europe/Berlin", "2026-10-25T00:30:00Z"},
      {"30 2 * * *", "2026-10-25T00:30:00Z", "Europe/Berlin", "2026-10-25T01:30:00Z"},
      {"0 3 * * *", "2026-03-28T12:00:00Z", "Europe/Berlin", "2026-03-29T01:00:00Z"},
      {"0 0 * * *", "2026-06-01T12:00:00Z", "Europe/Berlin", "2026-06-01T22:00:00Z"},
      {"30 2 * * *", "2026-03-08T00:00:00Z", "America/New_York", "2026-03-09T06:30:00Z"},
      {"30 1 * * *", "2026-11-01T05:30:00Z", "America/New_York", "2026-11-01T06:30:00Z"},
      {"0 0 * * *", "2026-07-01T12:00:00Z", "Asia/Kolkata", "2026-07-01T18:30:00Z"},
      {"15 2 * * *", "2026-10-03T00:00:00Z", "Australia/Lord_Howe", "2026-10-04T15:15:00Z"},
      {"45 1 * * *", "2026-04-04T10:00:00Z", "Australia/Lord_Howe", "2026-04-04T14:45:00Z"},
      {"0 0 * * *", "2026-01-15T00:00:00Z", "Pacific/Chatham", "2026-01-15T10:15:00Z"},
      {"0 0 * * *", "2026-09-05T12:00:00Z", "America/Santiago", "2026-09-07T03:00:00Z"},
      {"0 12 * * *", "2050-07-01T00:00:00Z", "Europe/London", "2050-07-01T11:00:00Z"},
      {"0 12 * * *", "2050-12-01T00:00:00Z", "America/New_York", "2050-12-01T17:00:00Z"},
      {"0 12 * * *", "2050-01-01T00:00:00Z", "Australia/Sydney", "2050-01-01T01:00:00Z"},
  };
  for (const Due& due : table) {
    const auto zone = find_time_zone(due.zone);
    ASSERT_TRUE(zone) << due.zone << ": is the package tzdata installed?";
    const auto next = CronSchedule::parse(due.schedule).next_after(*parse_timestamp(due.after), *zone);
    ASSERT_TRUE(next) << due.schedule;
    EXPECT_EQ(timestamp(*next), due.next) << due.schedule << " after " << due.after << " in " << due.zone;
  }
}

TEST(CronSchedule, ADayThatNeverComesHasNoNextTime) {
  const auto from = *parse_timestamp("2026-01-01T00:00:00Z");
  EXPECT_EQ(CronSchedule::parse("0 0 30 2 *").next_after(from, TimeZone()), std::nullopt);
  EXPECT_EQ(CronSchedule::parse("0 0 30 2 *").last_between(from, from + std::chrono::hours(1), TimeZone()),
            std::nullopt);
}

TEST(CronSchedule, HasWordsForUsualOnes) {
  const std::vector<std::pair<const char*, const char*>> words{
      {"@yearly", "2027-01-01T00:00:00Z"},  {"@annually", "2027-01-01T00:00:00Z"},
      {"@monthly", "2026-06-01T00:00:00Z"}, {"@weekly", "2026-05-17T00:00:00Z"},
      {"@daily", "2026-05-13T00:00:00Z"},   {"@midnight", "2026-05-13T00:00:00Z"},
      {"@hourly", "2026-05-12T11:00:00Z"},  {"@every 90m", "2026-05-12T12:07:30Z"}};
  const auto from = *parse_timestamp("2026-05-12T10:37:30Z");
  for (const auto& [word, next] : words) {
    EXPECT_EQ(timestamp(*CronSchedule::parse(word).next_after(from, TimeZone())), next) << word;
  }
}

TEST(CronSchedule, KnowsTheLastOfManyMissedTimes) {
  const auto last = [](const char* schedule, const char* from, const char* until) {
    const auto at = CronSchedule::parse(schedule).last_between(*parse_timestamp(from),
                                                               *parse_timestamp(until), TimeZone());
    return at ? timestamp(*at) : "none";
  };
  EXPECT_EQ(last("* * * * *", "2020-01-01T00:00:00Z", "2026-05-12T10:37:30Z"), "2026-05-12T10:37:00Z");
  EXPECT_EQ(last("* * * * *", "2026-05-12T10:37:00Z", "2026-05-12T10:37:30Z"), "none");
  EXPECT_EQ(last("* * * * *", "2026-05-12T10:36:59Z", "2026-05-12T10:37:00Z"), "2026-05-12T10:37:00Z");
  EXPECT_EQ(last("0 3 * * *", "2020-01-01T00:00:00Z", "2026-05-12T02:59:59Z"), "2026-05-11T03:00:00Z");
  EXPECT_EQ(last("0 0 29 2 *", "2020-01-01T00:00:00Z", "2026-05-12T00:00:00Z"), "2024-02-29T00:00:00Z");
  EXPECT_EQ(last("@every 1h", "2026-05-12T08:10:00Z", "2026-05-12T10:37:30Z"), "2026-05-12T10:10:00Z");
}

TEST(CronSchedule, RefusesInTheWordsOfItsLibrary) {
  const std::vector<std::pair<std::string, std::string>> refusals{
      {"", "empty spec string"},
      {"* * * *", "expected exactly 5 fields, found 4: [* * * *]"},
      {"* * * * * *", "expected exactly 5 fields, found 6: [* * * * * *]"},
      {"60 * * * *", "end of range (60) above maximum (59): 60"},
      {"* 24 * * *", "end of range (24) above maximum (23): 24"},
      {"* * 0 * *", "beginning of range (0) below minimum (1): 0"},
      {"* * * 13 *", "end of range (13) above maximum (12): 13"},
      {"* * * * 7", "end of range (7) above maximum (6): 7"},
      {"5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"},
      {"*/0 * * * *", "step of range should be a positive number: */0"},
      {"1-2-3 * * * *", "too many hyphens: 1-2-3"},
      {"1/2/3 * * * *", "too many slashes: 1/2/3"},
      {"x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax"},
      {"* * * may-x *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax"},
      {"*/-1 * * * *", "negative number (-1) not allowed: -1"},
      {"99999999999 * * * *",
       "failed to parse int from 99999999999: strconv.Atoi: parsing \"99999999999\": value out of range"},
      {"@never", "unrecognized descriptor: @never"},
      {"@every soon", "failed to parse duration @every soon: time: invalid duration \"soon\""}};
  for (const auto& [schedule, refusal] : refusals) {
    try {
      CronSchedule::parse(schedule);
      ADD_FAILURE() << schedule << " is taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.message(), refusal) << schedule;
    }
  }
}

}  // namespace
}  // namespace labctl::model
