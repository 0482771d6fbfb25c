#include "topology/manifest/kinds/api_refusals.hpp"

#include "topology/manifest/yaml/tree_values.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace labctl::manifest {
namespace {

// Longer values help nobody.
constexpr size_t kShownMax = 120;

std::string value_in_words(const Place& place) {
  if (!place) {
    return "null";
  }
  // Escapes all that is not ASCII: what is shown cannot steer a terminal.
  std::string text = to_json(*place.node).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  std::replace(text.begin(), text.end(), '\x7f', '?');
  if (text.size() > kShownMax) {
    text = text.substr(0, kShownMax) + "...";
  }
  return text;
}

void refuse(const Place& place, std::string message, std::string_view why, Findings& findings,
            std::string hint) {
  if (!why.empty()) {
    message += ": " + std::string(why);
  }
  findings.error(place, std::move(message), std::move(hint));
}

struct SpecialRange {
  Prefix prefix;
  std::string_view why;
};

const std::array<SpecialRange, 8>& special_ranges() {
  static const auto prefix = [](const char* text) { return *Prefix::parse(text); };
  static constexpr std::string_view kLoopback = "may not be in the loopback range (127.0.0.0/8, ::1/128)";
  static constexpr std::string_view kLinkLocal =
      "may not be in the link-local range (169.254.0.0/16, fe80::/10)";
  static constexpr std::string_view kMulticast = "may not be in the multicast range (224.0.0.0/4, ff00::/8)";
  static const std::array<SpecialRange, 8> kRanges{
      {{prefix("0.0.0.0/32"), "may not be unspecified (0.0.0.0)"},
       {prefix("::/128"), "may not be unspecified (::)"},
       {prefix("127.0.0.0/8"), kLoopback},
       {prefix("::1/128"), kLoopback},
       {prefix("169.254.0.0/16"), kLinkLocal},
       {prefix("fe80::/10"), kLinkLocal},
       {prefix("224.0.0.0/4"), kMulticast},
       {prefix("ff00::/8"), kMulticast}}};
  return kRanges;
}

}  // namespace

void refuse_value(const Place& place, std::string_view why, Findings& findings, std::string hint) {
  refuse(place, "Invalid value: " + value_in_words(place), why, findings, std::move(hint));
}

void refuse_missing(const Place& place, std::string_view why, Findings& findings, std::string hint) {
  refuse(place, "Required value", why, findings, std::move(hint));
}

void refuse_field(const Place& place, std::string_view why, Findings& findings, std::string hint) {
  refuse(place, "Forbidden", why, findings, std::move(hint));
}

void refuse_second(const Place& place, Findings& findings, std::string hint) {
  refuse(place, "Duplicate value: " + value_in_words(place), {}, findings, std::move(hint));
}

void refuse_second(const Place& place, std::string_view shown, Findings& findings, std::string hint) {
  refuse(place, "Duplicate value: " + std::string(shown), {}, findings, std::move(hint));
}

std::optional<std::int64_t> integer_at(const Place& place) {
  if (!place || place.node->kind != YamlNode::Kind::Integer) {
    return std::nullopt;
  }
  return place.node->integer;
}

std::optional<IpAddress> read_address(const Place& place, Findings& findings) {
  if (!place || !place.node->is_string()) {
    return std::nullopt;
  }
  const auto address = IpAddress::parse(place.text());
  if (!address) {
    refuse_value(place, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)", findings);
  }
  return address;
}

void check_ordinary_address(const Place& place, const IpAddress& address, Findings& findings) {
  for (const SpecialRange& range : special_ranges()) {
    if (range.prefix.contains(address)) {
      refuse_value(place, range.why, findings);
    }
  }
}

}  // namespace labctl::manifest
