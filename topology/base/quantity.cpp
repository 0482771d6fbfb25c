#include "topology/base/quantity.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace labctl {
namespace {

struct Suffix {
  std::string_view text;
  long double factor;
};
constexpr std::array<Suffix, 15> kSuffixes{{{"n", 1e-9L},
                                            {"u", 1e-6L},
                                            {"m", 1e-3L},
                                            {"", 1},
                                            {"k", 1e3L},
                                            {"M", 1e6L},
                                            {"G", 1e9L},
                                            {"T", 1e12L},
                                            {"P", 1e15L},
                                            {"E", 1e18L},
                                            {"Ki", 0x1p10L},
                                            {"Mi", 0x1p20L},
                                            {"Gi", 0x1p30L},
                                            {"Ti", 0x1p40L},
                                            {"Pi", 0x1p50L}}};
constexpr long double kExbi = 0x1p60L;
// Beyond it every number is too large or too small all the same.
constexpr int kExponentMax = 30;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<long double> factor_of(std::string_view suffix) {
  for (const Suffix& known : kSuffixes) {
    if (known.text == suffix) {
      return known.factor;
    }
  }
  if (suffix == "Ei") {
    return kExbi;
  }
  if (suffix.size() < 2 || (suffix.front() != 'e' && suffix.front() != 'E')) {
    return std::nullopt;
  }
  suffix.remove_prefix(suffix[1] == '+' ? 2 : 1);
  int exponent = 0;
  const auto [end, failure] = std::from_chars(suffix.data(), suffix.data() + suffix.size(), exponent);
  if (failure != std::errc() || end != suffix.data() + suffix.size() || exponent > kExponentMax ||
      exponent < -kExponentMax) {
    return std::nullopt;
  }
  return std::pow(10.0L, exponent);
}

std::optional<long double> parse(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  long double number = 0;
  long double place = 1;
  std::size_t digits = 0;
  bool has_point = false;
  while (!text.empty() && (is_digit(text.front()) || (text.front() == '.' && !has_point))) {
    if (text.front() == '.') {
      has_point = true;
    } else {
      ++digits;
      place *= has_point ? 10 : 1;
      number = number * 10 + (text.front() - '0');
    }
    text.remove_prefix(1);
  }
  const auto factor = factor_of(text);
  if (digits == 0 || !factor || !std::isfinite(number) || !std::isfinite(place)) {
    return std::nullopt;
  }
  return (is_negative ? -number : number) / place * *factor;
}

std::int64_t rounded_up(long double value) {
  // What is a whole number but for the last bits of the arithmetic is one.
  const long double near = std::round(value);
  const long double up = std::fabs(value - near) < 1e-9L ? near : std::ceil(value);
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  return up >= static_cast<long double>(kMost)    ? kMost
         : up <= -static_cast<long double>(kMost) ? -kMost
                                                  : static_cast<std::int64_t>(up);
}

}  // namespace

std::optional<std::int64_t> parse_milli_quantity(std::string_view text) {
  const auto value = parse(text);
  return value ? std::optional(rounded_up(*value * 1000)) : std::nullopt;
}

std::optional<std::int64_t> parse_quantity(std::string_view text) {
  const auto value = parse(text);
  return value ? std::optional(rounded_up(*value)) : std::nullopt;
}

}  // namespace labctl
