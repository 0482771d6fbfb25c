#include "labctl/report/objects/age.hpp"

#include "topology/base/timestamp.hpp"

#include <array>
#include <cstdio>
#include <string>

namespace labctl::report {

std::string format_age(std::chrono::seconds age) {
  const long long seconds = age.count();
  // A clock a little behind the supervisor's is no news; one far behind is.
  if (seconds < -1) {
    return "<invalid>";
  }
  const auto with = [](long long big, const char* big_unit, long long small, const char* small_unit) {
    std::string text = std::to_string(big) + big_unit;
    return small == 0 ? text : text + std::to_string(small) + small_unit;
  };
  const long long minutes = seconds / 60;
  const long long hours = seconds / 3600;
  const long long days = hours / 24;
  if (seconds < 120) {
    return std::to_string(seconds < 0 ? 0 : seconds) + "s";
  }
  if (minutes < 10) {
    return with(minutes, "m", seconds % 60, "s");
  }
  if (minutes < 180) {
    return std::to_string(minutes) + "m";
  }
  if (hours < 8) {
    return with(hours, "h", minutes % 60, "m");
  }
  if (hours < 48) {
    return std::to_string(hours) + "h";
  }
  if (days < 8) {
    return with(days, "d", hours % 24, "h");
  }
  if (days < 2 * 365) {
    return std::to_string(days) + "d";
  }
  if (days < 8 * 365) {
    return with(days / 365, "y", days % 365, "d");
  }
  return std::to_string(days / 365) + "y";
}

std::string age_since(std::string_view timestamp, std::chrono::system_clock::time_point now) {
  const auto then = parse_timestamp(timestamp);
  return then ? format_age(std::chrono::duration_cast<std::chrono::seconds>(now - *then)) : "<unknown>";
}

std::string format_elapsed(std::chrono::microseconds elapsed) {
  const double us = static_cast<double>(elapsed.count());
  std::array<char, 32> text{};
  if (us < 1'000) {
    std::snprintf(text.data(), text.size(), "%.0fus", us);
  } else if (us < 10'000) {
    std::snprintf(text.data(), text.size(), "%.1fms", us / 1e3);
  } else if (us < 1'000'000) {
    std::snprintf(text.data(), text.size(), "%.0fms", us / 1e3);
  } else if (us < 60'000'000) {
    std::snprintf(text.data(), text.size(), "%.1fs", us / 1e6);
  } else {
    const long long seconds = elapsed.count() / 1'000'000;
    std::snprintf(text.data(), text.size(), "%lldm%02llds", seconds / 60, seconds % 60);
  }
  return text.data();
}

}  // namespace labctl::report
