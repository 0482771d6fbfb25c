#include "topology/base/timestamp.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace labctl {
namespace {

// Takes exactly `digits` digits off the front of `text`.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  int value = 0;
  if (text.size() < digits) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc{} || end != text.data() + digits || value < 0) {
    return std::nullopt;
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

// "Z", "+02:00" or "-0530" without the colon refused: seconds east of UTC.
std::optional<int> take_offset(std::string_view& text) {
  if (take(text, 'Z')) {
    return 0;
  }
  const int sign = take(text, '+') ? 1 : take(text, '-') ? -1 : 0;
  const auto hours = take_number(text, 2);
  if (sign == 0 || !hours || !take(text, ':')) {
    return std::nullopt;
  }
  const auto minutes = take_number(text, 2);
  return minutes ? std::optional(sign * (*hours * 3600 + *minutes * 60)) : std::nullopt;
}

}  // namespace

std::string timestamp(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const auto second = floor<seconds>(time);
  const auto day = floor<days>(second);
  const year_month_day date{day};
  const hh_mm_ss clock{second - day};
  std::array<char, 40> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                    static_cast<int>(clock.seconds().count()));
  return {text.data(), static_cast<std::size_t>(length)};
}

std::optional<std::chrono::system_clock::time_point> parse_timestamp(std::string_view text) {
  using namespace std::chrono;
  const auto year_part = take_number(text, 4);
  const auto month_part = year_part && take(text, '-') ? take_number(text, 2) : std::nullopt;
  const auto day_part = month_part && take(text, '-') ? take_number(text, 2) : std::nullopt;
  const auto hour = day_part && take(text, 'T') ? take_number(text, 2) : std::nullopt;
  const auto minute = hour && take(text, ':') ? take_number(text, 2) : std::nullopt;
  const auto second = minute && take(text, ':') ? take_number(text, 2) : std::nullopt;
  if (!second || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  const year_month_day date{year{*year_part}, month{static_cast<unsigned>(*month_part)},
                            day{static_cast<unsigned>(*day_part)}};
  if (!date.ok()) {
    return std::nullopt;
  }
  nanoseconds fraction{0};
  if (take(text, '.')) {
    nanoseconds unit{100'000'000};
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      fraction += unit * (text.front() - '0');
      unit /= 10;
      text.remove_prefix(1);
    }
  }
  const auto offset = take_offset(text);
  if (!offset || !text.empty()) {
    return std::nullopt;
  }
  const auto time = sys_days{date} + hours{*hour} + minutes{*minute} + seconds{*second - *offset} + fraction;
  return time_point_cast<system_clock::duration>(time);
}

}  // namespace labctl
