#include "topology/base/time_zone.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace labctl {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

constexpr const char* kZoneFolder = "/usr/share/zoneinfo";
constexpr std::size_t kFileMax = 1U << 20;
constexpr std::size_t kHeaderSize = 44;
constexpr std::size_t kTypeSize = 6;

std::int64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) {
    value = (value << 8) | static_cast<unsigned char>(byte);
  }
  const bool is_negative = !bytes.empty() && (static_cast<unsigned char>(bytes.front()) & 0x80) != 0;
  return bytes.size() == 4 && is_negative ? static_cast<std::int32_t>(static_cast<std::uint32_t>(value))
                                          : static_cast<std::int64_t>(value);
}

struct Header {
  char version = 0;
  std::size_t ut_count = 0, standard_count = 0, leap_count = 0, time_count = 0, type_count = 0,
              char_count = 0;
  std::size_t body_size(std::size_t time_size) const {
    return time_count * (time_size + 1) + type_count * kTypeSize + char_count + leap_count * (time_size + 4) +
           standard_count + ut_count;
  }
};

std::optional<Header> read_header(std::string_view file) {
  if (file.size() < kHeaderSize || !file.starts_with("TZif")) {
    return std::nullopt;
  }
  const auto count = [&](std::size_t index) {
    return static_cast<std::size_t>(big_endian(file.substr(20 + index * 4, 4)) & 0xffffffff);
  };
  const Header header{file[4], count(0), count(1), count(2), count(3), count(4), count(5)};
  // More than the file could hold: nothing is added up.
  const bool is_sound = std::max({header.ut_count, header.standard_count, header.leap_count,
                                  header.time_count, header.type_count, header.char_count}) <= kFileMax;
  return is_sound ? std::optional(header) : std::nullopt;
}

}  // namespace

// "CET-1CEST,M3.5.0,M10.5.0/3", "<-03>3": offsets are those that lead to UTC.
class TimeZone::RuleReader {
 public:
  explicit RuleReader(std::string_view text) : text_(text) {}

  std::optional<Rule> read() {
    Rule rule;
    const auto standard = skip_name() ? read_time() : std::nullopt;
    if (!standard) {
      return std::nullopt;
    }
    rule.standard = -*standard;
    if (text_.empty()) {
      return rule;
    }
    if (!skip_name()) {
      return std::nullopt;
    }
    rule.summer = rule.standard + hours(1);
    if (!text_.empty() && text_.front() != ',') {
      const auto summer = read_time();
      if (!summer) {
        return std::nullopt;
      }
      rule.summer = -*summer;
    }
    const auto begins = read_turn();
    const auto ends = begins ? read_turn() : std::nullopt;
    if (!ends || !text_.empty()) {
      return std::nullopt;
    }
    rule.summer_begins = *begins;
    rule.summer_ends = *ends;
    return rule;
  }

 private:
  bool take(char wanted) {
    if (text_.empty() || text_.front() != wanted) {
      return false;
    }
    text_.remove_prefix(1);
    return true;
  }

  bool skip_name() {
    if (take('<')) {
      const std::size_t end = text_.find('>');
      text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
      return end != std::string_view::npos;
    }
    std::size_t length = 0;
    while (length < text_.size() && std::isalpha(static_cast<unsigned char>(text_[length])) != 0) {
      ++length;
    }
    text_.remove_prefix(length);
    return length > 0;
  }

  std::optional<int> read_number(int most) {
    int number = 0;
    const auto [end, failure] = std::from_chars(text_.data(), text_.data() + text_.size(), number);
    if (failure != std::errc() || number < 0 || number > most) {
      return std::nullopt;
    }
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return number;
  }

  // "2", "-3:30", "+1:00:00".
  std::optional<seconds> read_time() {
    const bool is_negative = take('-');
    if (!is_negative) {
      take('+');
    }
    seconds total{0};
    seconds unit = hours(1);
    for (int most = 167;; most = 59) {
      const auto number = read_number(most);
      if (!number) {
        return std::nullopt;
      }
      total += *number * unit;
      if (unit == seconds(1) || !take(':')) {
        return is_negative ? -total : total;
      }
      unit /= 60;
    }
  }

  std::optional<Turn> read_turn() {
    if (!take(',')) {
      return std::nullopt;
    }
    Turn turn;
    std::optional<int> month = 0;
    std::optional<int> week = 0;
    std::optional<int> day;
    if (take('M')) {
      turn.kind = Turn::Kind::Weekday;
      month = read_number(12);
      week = take('.') ? read_number(5) : std::nullopt;
      day = take('.') ? read_number(6) : std::nullopt;
    } else {
      turn.kind = take('J') ? Turn::Kind::JulianDay : Turn::Kind::Day;
      day = read_number(365);
    }
    if (!month || !week || !day || (turn.kind == Turn::Kind::Weekday && (*month < 1 || *week < 1))) {
      return std::nullopt;
    }
    turn.month = *month;
    turn.week = *week;
    turn.day = *day;
    if (take('/')) {
      const auto time = read_time();
      if (!time) {
        return std::nullopt;
      }
      turn.time = *time;
    }
    return turn;
  }

  std::string_view text_;
};

seconds TimeZone::Turn::since_epoch(std::chrono::year year) const {
  const sys_days first = year / std::chrono::January / 1;
  sys_days date = first + days(day);
  if (kind == Kind::JulianDay) {
    // Counts from 1, and never the 29th of February.
    date = first + days(day - (year.is_leap() && day >= 60 ? 0 : 1));
  } else if (kind == Kind::Weekday) {
    const std::chrono::month its_month(static_cast<unsigned>(month));
    const std::chrono::weekday weekday(static_cast<unsigned>(day));
    date = week == 5 ? sys_days(year / its_month / weekday[std::chrono::last])
                     : sys_days(year / its_month / weekday[static_cast<unsigned>(week)]);
  }
  return date.time_since_epoch() + time;
}

seconds TimeZone::Rule::offset_at(sys_seconds time) const {
  if (!summer) {
    return standard;
  }
  const std::chrono::year_month_day date(std::chrono::floor<days>(time + standard));
  const sys_seconds begin{summer_begins.since_epoch(date.year()) - standard};
  const sys_seconds end{summer_ends.since_epoch(date.year()) - *summer};
  // South of the equator the year begins and ends with summer.
  const bool is_summer = begin < end ? begin <= time && time < end : time < end || begin <= time;
  return is_summer ? *summer : standard;
}

std::optional<TimeZone> TimeZone::parse(std::string_view file) {
  const auto old = read_header(file);
  if (!old || old->version < '2' || file.size() < kHeaderSize + old->body_size(4)) {
    return std::nullopt;
  }
  file.remove_prefix(kHeaderSize + old->body_size(4));
  const auto header = read_header(file);
  if (!header || file.size() < kHeaderSize + header->body_size(8) || header->type_count == 0) {
    return std::nullopt;
  }
  file.remove_prefix(kHeaderSize);
  const std::string_view times = file.substr(0, header->time_count * 8);
  const std::string_view types = file.substr(times.size(), header->time_count);
  const std::string_view offsets = file.substr(times.size() + types.size(), header->type_count * kTypeSize);
  const auto offset_of = [&](std::size_t type) {
    return seconds(big_endian(offsets.substr(type * kTypeSize, 4)));
  };
  TimeZone zone;
  zone.first_ = offset_of(0);
  for (std::size_t i = 0; i < header->time_count; ++i) {
    const auto type = static_cast<unsigned char>(types[i]);
    const sys_seconds at{seconds(big_endian(times.substr(i * 8, 8)))};
    if (type >= header->type_count || (i > 0 && at < zone.transitions_.back().at)) {
      return std::nullopt;
    }
    zone.transitions_.push_back({at, offset_of(type)});
  }
  file.remove_prefix(header->body_size(8));
  if (file.starts_with('\n') && file.find('\n', 1) != std::string_view::npos) {
    zone.rule_ = RuleReader(file.substr(1, file.find('\n', 1) - 1)).read();
  }
  return zone;
}

seconds TimeZone::offset_at(sys_seconds time) const {
  const auto after =
      std::upper_bound(transitions_.begin(), transitions_.end(), time,
                       [](sys_seconds moment, const Transition& one) { return moment < one.at; });
  if (after == transitions_.end() && rule_) {
    return rule_->offset_at(time);
  }
  return after == transitions_.begin() ? first_ : std::prev(after)->offset;
}

std::optional<TimeZone> find_time_zone(const std::string& name) {
  if (name == "UTC") {
    return TimeZone();
  }
  // No way out of the folder, and no file of it that is no zone.
  const bool is_plain = !name.empty() && name.front() != '/' && name.find("..") == std::string::npos &&
                        std::all_of(name.begin(), name.end(), [](unsigned char c) {
                          return std::isalnum(c) != 0 || c == '/' || c == '_' || c == '-' || c == '+';
                        });
  if (!is_plain) {
    return std::nullopt;
  }
  const std::filesystem::path path = std::filesystem::path(kZoneFolder) / name;
  std::error_code failure;
  if (!std::filesystem::is_regular_file(path, failure)) {
    return std::nullopt;
  }
  std::ifstream in(path, std::ios::binary);
  std::string text(kFileMax, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return TimeZone::parse(text);
}

}  // namespace labctl
