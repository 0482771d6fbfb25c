#pragma once

// The time zones of the IANA database, from the host's compiled files (RFC 8536, TZif): what a clock on the wall of
// a place shows at a moment.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl {

class TimeZone {
 public:
  // UTC.
  TimeZone() = default;
  // A file's text; nothing if it is none of version 2 or later.
  static std::optional<TimeZone> parse(std::string_view file);

  // What is to be added to UTC.
  std::chrono::seconds offset_at(std::chrono::sys_seconds time) const;

 private:
  struct Transition {
    std::chrono::sys_seconds at;
    std::chrono::seconds offset;  // from then on
  };
  // A day of each year, and a time of it on the wall (POSIX TZ: "M3.2.0/2", "J60", "59").
  struct Turn {
    enum class Kind { Weekday, JulianDay, Day };
    Kind kind = Kind::Day;
    int month = 0;
    int week = 0;  // 5: the last
    int day = 0;
    std::chrono::seconds time{7200};
    std::chrono::seconds since_epoch(std::chrono::year year) const;  // on the wall
  };
  // What goes on for ever after the last transition.
  struct Rule {
    std::chrono::seconds standard{0};
    std::optional<std::chrono::seconds> summer;
    Turn summer_begins;
    Turn summer_ends;
    std::chrono::seconds offset_at(std::chrono::sys_seconds time) const;
  };
  class RuleReader;

  std::vector<Transition> transitions_;
  std::chrono::seconds first_{0};  // before the first transition
  std::optional<Rule> rule_;
};

// "Europe/Berlin", "UTC"; nothing if the host has no zone of that name. The package tzdata brings them.
std::optional<TimeZone> find_time_zone(const std::string& name);

}  // namespace labctl
