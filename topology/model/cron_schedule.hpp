#pragma once

// When a CronJob is due (batch/v1 CronJobSpec.schedule), as github.com/robfig/cron reads it, which Kubernetes uses:
// five fields (minute, hour, day of month, month, day of week) of numbers, names, ranges, steps and lists; or
// @hourly, @daily and so on; or @every and a duration.

#include "topology/base/time_zone.hpp"

#include <bitset>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

namespace labctl::model {

class CronSchedule {
 public:
  using Time = std::chrono::system_clock::time_point;

  // Throws Error: InvalidInput in the words of that library: "expected exactly 5 fields, found 3: [* * *]".
  static CronSchedule parse(std::string_view text);

  // The first due time after `time` on the clocks of `zone`. An hour that is skipped there has no due times, one
  // that comes twice has them twice. Nothing when none comes within five years ("0 0 30 2 *").
  std::optional<Time> next_after(Time time, const TimeZone& zone) const;
  // The last due time that is after `from` and not after `until`.
  std::optional<Time> last_between(Time from, Time until, const TimeZone& zone) const;

 private:
  struct Field {
    std::bitset<64> values;
    bool is_any = false;  // "*" or "?"
  };
  struct Bounds;
  static void add_range(std::string_view text, const Bounds& bounds, Field& field);
  static Field read_field(std::string_view text, const Bounds& bounds);
  bool is_due_on(std::chrono::sys_days date) const;

  std::optional<std::chrono::seconds> every_;
  Field minute_, hour_, day_, month_, weekday_;
};

}  // namespace labctl::model
