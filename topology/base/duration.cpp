#include "topology/base/duration.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace labctl {
namespace {

constexpr double kLongestUs = 24.0 * 24 * 3600 * 1e6;

// Longest suffix first, so that "ms" is not read as "m".
constexpr std::array<std::pair<std::string_view, double>, 6> kUnits{
    {{"ns", 1e-3}, {"us", 1.0}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"h", 3600e6}}};

}  // namespace

std::optional<std::chrono::microseconds> parse_duration(std::string_view text) {
  if (text == "0") {
    return std::chrono::microseconds(0);
  }
  double total_us = 0;
  bool any = false;
  while (!text.empty()) {
    if (text.front() != '.' && (text.front() < '0' || text.front() > '9')) {
      return std::nullopt;
    }
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc()) {
      return std::nullopt;
    }
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    bool matched = false;
    for (const auto& [suffix, factor] : kUnits) {
      if (text.starts_with(suffix)) {
        total_us += number * factor;
        text.remove_prefix(suffix.size());
        matched = any = true;
        break;
      }
    }
    if (!matched || total_us > kLongestUs) {
      return std::nullopt;
    }
  }
  if (!any) {
    return std::nullopt;
  }
  return std::chrono::microseconds(static_cast<long long>(total_us + 0.5));
}

std::string to_string(std::chrono::microseconds duration) {
  long long rest = duration.count();
  std::string text;
  const auto take = [&](long long unit, const char* suffix) {
    if (rest >= unit) {
      text += std::to_string(rest / unit) + suffix;
      rest %= unit;
    }
  };
  take(3600'000'000LL, "h");
  take(60'000'000LL, "m");
  take(1'000'000LL, "s");
  take(1'000LL, "ms");
  take(1LL, "us");
  return text.empty() ? "0s" : text;
}

}  // namespace labctl
