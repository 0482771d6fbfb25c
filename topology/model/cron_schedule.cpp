#include "topology/model/cron_schedule.hpp"

#include "topology/base/duration.hpp"
#include "topology/base/error.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace labctl::model {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr int kYearsAhead = 5;

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kDescriptors{
    {{"@yearly", "0 0 1 1 *"},
     {"@annually", "0 0 1 1 *"},
     {"@monthly", "0 0 1 * *"},
     {"@weekly", "0 0 * * 0"},
     {"@daily", "0 0 * * *"},
     {"@midnight", "0 0 * * *"},
     {"@hourly", "0 * * * *"}}};

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorKind::InvalidInput, why); }

std::vector<std::string_view> split(std::string_view text, char separator, bool keeps_empty) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    if (keeps_empty || end > at) {
      parts.push_back(text.substr(at, end - at));
    }
    at = end + 1;
  }
  return parts;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  const auto is_blank = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && !is_blank(text[end])) {
      ++end;
    }
    if (end > at) {
      words.push_back(text.substr(at, end - at));
    }
    at = end + 1;
  }
  return words;
}

int parse_number(std::string_view text) {
  int number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) {
    const std::string word(text);
    refuse("failed to parse int from " + word + ": strconv.Atoi: parsing \"" + word +
           "\": " + (failure == std::errc::result_out_of_range ? "value out of range" : "invalid syntax"));
  }
  if (number < 0) {
    refuse("negative number (" + std::to_string(number) + ") not allowed: " + std::string(text));
  }
  return number;
}

}  // namespace

struct CronSchedule::Bounds {
  int min;
  int max;
  std::span<const std::string_view> names{};  // of min, min + 1, ...

  int value_of(std::string_view text) const {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto named = std::find(names.begin(), names.end(), lower);
    return named == names.end() ? parse_number(text) : min + static_cast<int>(named - names.begin());
  }
};

// "*", "5", "1-5", "mon-fri", each with a step or without.
void CronSchedule::add_range(std::string_view text, const Bounds& bounds, Field& field) {
  const std::string word(text);
  const std::vector<std::string_view> with_step = split(text, '/', true);
  const std::vector<std::string_view> ends = split(with_step.front(), '-', true);
  int first = bounds.min;
  int last = bounds.max;
  bool is_any = ends.front() == "*" || ends.front() == "?";
  if (!is_any) {
    first = bounds.value_of(ends.front());
    if (ends.size() > 2) {
      refuse("too many hyphens: " + word);
    }
    last = ends.size() == 2 ? bounds.value_of(ends[1]) : first;
  }
  int step = 1;
  if (with_step.size() > 2) {
    refuse("too many slashes: " + word);
  } else if (with_step.size() == 2) {
    step = parse_number(with_step[1]);
    // "5/10" goes on to the end.
    last = ends.size() == 1 ? bounds.max : last;
    is_any = is_any && step <= 1;
  }
  if (first < bounds.min) {
    refuse("beginning of range (" + std::to_string(first) + ") below minimum (" + std::to_string(bounds.min) +
           "): " + word);
  }
  if (last > bounds.max) {
    refuse("end of range (" + std::to_string(last) + ") above maximum (" + std::to_string(bounds.max) +
           "): " + word);
  }
  if (first > last) {
    refuse("beginning of range (" + std::to_string(first) + ") beyond end of range (" + std::to_string(last) +
           "): " + word);
  }
  if (step == 0) {
    refuse("step of range should be a positive number: " + word);
  }
  for (int value = first; value <= last; value += std::min(step, bounds.max + 1)) {
    field.values.set(static_cast<std::size_t>(value));
  }
  field.is_any = field.is_any || is_any;
}

CronSchedule::Field CronSchedule::read_field(std::string_view text, const Bounds& bounds) {
  Field field;
  for (const std::string_view range : split(text, ',', false)) {
    add_range(range, bounds, field);
  }
  return field;
}

CronSchedule CronSchedule::parse(std::string_view text) {
  if (text.empty()) {
    refuse("empty spec string");
  }
  if (text.starts_with('@')) {
    constexpr std::string_view kEvery = "@every ";
    const auto* known = std::find_if(kDescriptors.begin(), kDescriptors.end(),
                                     [&](const auto& one) { return one.first == text; });
    if (known != kDescriptors.end()) {
      return parse(known->second);
    }
    if (!text.starts_with(kEvery)) {
      refuse("unrecognized descriptor: " + std::string(text));
    }
    const std::string word(text.substr(kEvery.size()));
    const auto every = parse_duration(word);
    if (!every) {
      refuse("failed to parse duration " + std::string(text) + ": time: invalid duration \"" + word + "\"");
    }
    CronSchedule schedule;
    schedule.every_ = std::max(std::chrono::floor<seconds>(*every), seconds(1));
    return schedule;
  }
  const std::vector<std::string_view> fields = words_of(text);
  if (fields.size() != 5) {
    std::string listed;
    for (const std::string_view field : fields) {
      listed += (listed.empty() ? "" : " ") + std::string(field);
    }
    refuse("expected exactly 5 fields, found " + std::to_string(fields.size()) + ": [" + listed + "]");
  }
  CronSchedule schedule;
  schedule.minute_ = read_field(fields[0], {0, 59});
  schedule.hour_ = read_field(fields[1], {0, 23});
  schedule.day_ = read_field(fields[2], {1, 31});
  schedule.month_ = read_field(fields[3], {1, 12, kMonths});
  schedule.weekday_ = read_field(fields[4], {0, 6, kWeekdays});
  return schedule;
}

// Both the day of the month and that of the week if one of them is "*", else one of them.
bool CronSchedule::is_due_on(std::chrono::sys_days date) const {
  const std::chrono::year_month_day parts(date);
  const bool is_month = month_.values.test(static_cast<unsigned>(parts.month()));
  const bool is_day = day_.values.test(static_cast<unsigned>(parts.day()));
  const bool is_weekday = weekday_.values.test(std::chrono::weekday(date).c_encoding());
  return is_month && (day_.is_any || weekday_.is_any ? is_day && is_weekday : is_day || is_weekday);
}

std::optional<CronSchedule::Time> CronSchedule::next_after(Time time, const TimeZone& zone) const {
  if (every_) {
    return std::chrono::floor<seconds>(time) + *every_;
  }
  const auto year_of = [](std::chrono::sys_seconds local) {
    return std::chrono::year_month_day(std::chrono::floor<days>(local)).year();
  };
  std::chrono::sys_seconds at = std::chrono::floor<minutes>(time) + minutes(1);
  const std::chrono::year last = year_of(at) + std::chrono::years(kYearsAhead);
  // The clock on the wall is looked at each hour: it may be put forward or back at any of them.
  for (;;) {
    const std::chrono::sys_seconds local = at + zone.offset_at(at);
    if (year_of(local) > last) {
      return std::nullopt;
    }
    const auto date = std::chrono::floor<days>(local);
    const auto hour = std::chrono::duration_cast<hours>(local - date);
    const auto minute = std::chrono::duration_cast<minutes>(local - date - hour);
    if (!is_due_on(date) || !hour_.values.test(static_cast<std::size_t>(hour.count()))) {
      at += minutes(60) - minute;
    } else if (!minute_.values.test(static_cast<std::size_t>(minute.count()))) {
      at += minutes(1);
    } else {
      return at;
    }
  }
}

std::optional<CronSchedule::Time> CronSchedule::last_between(Time from, Time until,
                                                             const TimeZone& zone) const {
  if (every_) {
    const Time begin = std::chrono::floor<seconds>(from);
    const auto times = (until - begin) / *every_;
    return until <= from || times < 1 ? std::nullopt : std::optional(begin + times * *every_);
  }
  // Few steps from a point near the end, if there is a due time behind that.
  for (const auto back : {hours(1), hours(24), hours(24 * 32), hours(24 * 366 * kYearsAhead)}) {
    const Time begin = std::max(from, until - back);
    std::optional<Time> last;
    for (auto next = next_after(begin, zone); next && *next <= until; next = next_after(*next, zone)) {
      last = next;
    }
    if (last || begin == from) {
      return last;
    }
  }
  return std::nullopt;
}

}  // namespace labctl::model
