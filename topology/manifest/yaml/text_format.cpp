#include "topology/manifest/yaml/text_format.hpp"

#include "topology/base/duration.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/base/timestamp.hpp"
#include "topology/manifest/yaml/findings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

namespace labctl::manifest {
namespace {

constexpr size_t kPortNameMax = 15;
// Longer suggestions help nobody.
constexpr size_t kShown = 60;

constexpr const char* kLabelRule =
    "lower-case letters, digits and \"-\", with a letter or digit at both ends";
constexpr const char* kSubdomainRule =
    "lower-case letters, digits, \"-\" and \".\", with a letter or digit at both ends of each part";
constexpr const char* kQualifiedRule =
    "letters, digits, \"-\", \"_\" and \".\", with a letter or digit at both ends";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_alnum(char c) { return is_digit(c) || is_lower(c) || is_upper(c); }
char lower_letter(char c) { return is_upper(c) ? static_cast<char>(c + 32) : c; }

bool is_dns_label(std::string_view text) {
  const auto end = [](char c) { return is_lower(c) || is_digit(c); };
  return !text.empty() && text.size() <= kLabelMax && end(text.front()) && end(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return end(c) || c == '-'; });
}

bool is_dns_subdomain(std::string_view text) {
  if (text.empty() || text.size() > kSubdomainMax) {
    return false;
  }
  while (true) {
    const size_t dot = text.find('.');
    // A part of a subdomain may be longer than a label; the API says so too.
    const std::string_view part = text.substr(0, dot);
    const auto end = [](char c) { return is_lower(c) || is_digit(c); };
    if (part.empty() || !end(part.front()) || !end(part.back()) ||
        !std::all_of(part.begin(), part.end(), [&](char c) { return end(c) || c == '-'; })) {
      return false;
    }
    if (dot == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(dot + 1);
  }
}

// letters, digits, '-', '_', '.' with a letter or digit at both ends, at most 63.
bool is_qualified_name(std::string_view text) {
  return !text.empty() && text.size() <= kLabelMax && is_alnum(text.front()) && is_alnum(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

// The name the user may have meant: lower case, '-' for what is not allowed. Empty if nothing is left.
std::string suggested_name(std::string_view text, bool dots, size_t longest) {
  std::string out;
  for (const char c : text) {
    const char small = lower_letter(c);
    out += is_lower(small) || is_digit(small) || (dots && small == '.') ? small : '-';
  }
  const auto is_edge = [](char c) { return c == '-' || c == '.'; };
  out.erase(0, static_cast<size_t>(std::find_if_not(out.begin(), out.end(), is_edge) - out.begin()));
  out.resize(std::min(out.size(), longest));
  while (!out.empty() && is_edge(out.back())) {
    out.pop_back();
  }
  const bool usable = dots ? is_dns_subdomain(out) : is_dns_label(out);
  return usable && out.size() < kShown && out != text ? "for instance " + in_quotes(out) : "";
}

// What is wrong with a name: its length, or its characters.
std::string wrong_name(std::string_view text, size_t longest, const char* rule) {
  if (text.size() > longest) {
    return "has " + std::to_string(text.size()) + " characters; at most " + std::to_string(longest) +
           " are allowed";
  }
  return (text.empty() ? "an empty text" : in_quotes(text)) + " is not allowed: use " + rule;
}

std::string got(std::string_view text) {
  return text.empty() ? "got an empty text" : "got " + in_quotes(text);
}

// Number, then unit; nothing if either is missing or the number is no plain decimal.
std::optional<std::pair<double, std::string_view>> number_and_unit(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (text.empty() || !(is_digit(text.front()) || text.front() == '.') || error != std::errc()) {
    return std::nullopt;
  }
  return std::pair{number, text.substr(static_cast<size_t>(end - text.data()))};
}

// 1 to 65535; 0 if it is none.
int parse_port(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535) {
    return 0;
  }
  return port;
}

}  // namespace

std::optional<Complaint> check_not_empty(std::string_view text) {
  return text.empty() ? std::optional<Complaint>({"must not be empty", {}}) : std::nullopt;
}

std::optional<Complaint> check_dns_label(std::string_view text) {
  if (is_dns_label(text)) {
    return std::nullopt;
  }
  return Complaint{wrong_name(text, kLabelMax, kLabelRule), suggested_name(text, false, kLabelMax)};
}

std::optional<Complaint> check_dns_1035_label(std::string_view text) {
  if (is_dns_label(text) && is_lower(text.front())) {
    return std::nullopt;
  }
  if (is_dns_label(text)) {
    return Complaint{in_quotes(text) + " is not allowed: a name of a Service begins with a lower-case letter",
                     "for instance " + in_quotes("svc-" + std::string(text).substr(0, kLabelMax - 4))};
  }
  const std::string suggested = suggested_name(text, false, kLabelMax);
  return Complaint{wrong_name(text, kLabelMax,
                              "lower-case letters, digits and \"-\", a letter first, a letter or digit last"),
                   suggested.find("\"") != std::string::npos && is_lower(suggested[suggested.find('"') + 1])
                       ? suggested
                       : ""};
}

std::optional<Complaint> check_dns_subdomain(std::string_view text) {
  if (is_dns_subdomain(text)) {
    return std::nullopt;
  }
  return Complaint{wrong_name(text, kSubdomainMax, kSubdomainRule),
                   suggested_name(text, true, kSubdomainMax)};
}

std::optional<Complaint> check_name_prefix(std::string_view text, TextCheck check_name) {
  // The API takes a final dash away, together with what stands before it, since letters will follow.
  const bool ends_in_dash = text.size() > 1 && text.ends_with('-');
  const auto complaint =
      check_name(ends_in_dash ? std::string(text.substr(0, text.size() - 2)) + "a" : std::string(text));
  if (!complaint || text.empty()) {
    return std::nullopt;
  }
  const auto of_the_whole = check_name(text);
  return of_the_whole ? of_the_whole : complaint;
}

std::optional<Complaint> check_domain_name(std::string_view text) {
  if (auto complaint = check_dns_subdomain(text)) {
    return complaint;
  }
  for (size_t at = 0; at < text.size();) {
    const size_t dot = std::min(text.find('.', at), text.size());
    if (dot - at > kLabelMax) {
      return Complaint{"a part of a domain name has at most 63 characters, got " + std::to_string(dot - at),
                       {}};
    }
    at = dot + 1;
  }
  return std::nullopt;
}

std::optional<Complaint> check_label_key(std::string_view text) {
  const size_t slash = text.find('/');
  const bool has_prefix = slash != std::string_view::npos;
  const std::string_view prefix = has_prefix ? text.substr(0, slash) : "";
  const std::string_view name = has_prefix ? text.substr(slash + 1) : text;
  if (has_prefix && !is_dns_subdomain(prefix)) {
    return Complaint{
        "the part of a key before \"/\" is a DNS name; " + wrong_name(prefix, kSubdomainMax, kSubdomainRule),
        "as in app.kubernetes.io/name"};
  }
  if (!is_qualified_name(name)) {
    return Complaint{"the key " + wrong_name(name, kLabelMax, kQualifiedRule), {}};
  }
  return std::nullopt;
}

std::optional<Complaint> check_label_value(std::string_view text) {
  if (text.empty() || is_qualified_name(text)) {
    return std::nullopt;
  }
  return Complaint{"the label value " + wrong_name(text, kLabelMax, kQualifiedRule),
                   "longer or freer text belongs in an annotation"};
}

std::optional<Complaint> check_qualified_name(std::string_view text) {
  const size_t slash = text.find('/');
  const bool has_prefix = slash != std::string_view::npos;
  if ((!has_prefix || is_dns_subdomain(text.substr(0, slash))) &&
      is_qualified_name(has_prefix ? text.substr(slash + 1) : text)) {
    return std::nullopt;
  }
  return Complaint{"must be a name, with a DNS name and \"/\" before it if need be; " + got(text),
                   "as in example.com/internal-vip"};
}

std::optional<Complaint> check_ip(std::string_view text) {
  if (IpAddress::parse(text)) {
    return std::nullopt;
  }
  const auto prefix = Prefix::parse(text);
  return Complaint{"must be an IPv4 or IPv6 address, " + got(text),
                   prefix ? "without the prefix length: " + std::string(text.substr(0, text.find('/'))) : ""};
}

std::optional<Complaint> check_timestamp(std::string_view text) {
  if (parse_timestamp(text)) {
    return std::nullopt;
  }
  return Complaint{"must be a time as RFC 3339 writes it, " + got(text), "as in 2006-01-02T15:04:05Z"};
}

std::optional<Complaint> check_cidr(std::string_view text) {
  if (Prefix::parse(text, true)) {
    return std::nullopt;
  }
  if (const auto prefix = Prefix::parse(text)) {
    return Complaint{in_quotes(text) + " has address bits behind its prefix length",
                     "the range is " + to_string(*prefix)};
  }
  const size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (address && slash == std::string_view::npos) {
    const bool v4 = address->family() == Family::IPv4;
    return Complaint{in_quotes(text) + " is an address, not a range",
                     "add the prefix length: " + to_string(Prefix(*address, v4 ? 24 : 64))};
  }
  if (address) {
    const bool v4 = address->family() == Family::IPv4;
    return Complaint{"the prefix length of an " + std::string(to_string(address->family())) +
                         " range is 0 to " + (v4 ? "32" : "128") + ", got " + in_quotes(text.substr(slash)),
                     "for instance " + to_string(Prefix(*address, v4 ? 24 : 64))};
  }
  return Complaint{"must be a range such as 10.0.0.0/16 or fd00::/64, " + got(text), {}};
}

std::optional<Complaint> check_duration(std::string_view text) {
  if (parse_duration(text)) {
    return std::nullopt;
  }
  const bool bare = !text.empty() && std::all_of(text.begin(), text.end(), is_digit) && text.size() < 9;
  return Complaint{"must be a duration such as 500ms, 2s or 1m30s, of at most 24 days; " + got(text),
                   bare ? "add the unit: " + std::string(text) + "s" : ""};
}

std::optional<std::uint64_t> parse_rate(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 5> kUnits{
      {{"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {"tbit", 1e12}}};
  const auto parts = number_and_unit(text);
  if (!parts) {
    return std::nullopt;
  }
  std::string unit(parts->second);
  std::transform(unit.begin(), unit.end(), unit.begin(), lower_letter);
  for (const auto& [name, factor] : kUnits) {
    const double bits = parts->first * factor;
    if (unit == name && bits >= 1 && bits <= 1e15) {
      return static_cast<std::uint64_t>(bits + 0.5);
    }
  }
  return std::nullopt;
}

std::optional<Complaint> check_rate(std::string_view text) {
  if (parse_rate(text)) {
    return std::nullopt;
  }
  return Complaint{"must be a rate such as 100mbit; " + got(text),
                   "units are bit, kbit, mbit, gbit and tbit a second, powers of 1000"};
}

std::optional<double> parse_percent(std::string_view text) {
  const auto parts = number_and_unit(text);
  if (!parts || parts->second != "%" || parts->first > 100) {
    return std::nullopt;
  }
  return parts->first;
}

std::optional<Complaint> check_percent(std::string_view text) {
  if (parse_percent(text)) {
    return std::nullopt;
  }
  const auto parts = number_and_unit(text);
  return Complaint{"must be a share from 0% to 100%, " + got(text),
                   parts && parts->second.empty()
                       ? "add the sign: " + std::string(text.substr(0, kShown)) + "%"
                       : "as in 0.1%"};
}

std::optional<Complaint> check_int_or_percent(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && text.substr(static_cast<size_t>(end - text.data())) == "%" && value >= 0 &&
      value <= 100) {
    return std::nullopt;
  }
  return Complaint{"must be a count or a share such as 25%, " + got(text), {}};
}

std::optional<Complaint> check_port_name(std::string_view text) {
  const bool fits =
      !text.empty() && text.size() <= kPortNameMax &&
      std::all_of(text.begin(), text.end(), [](char c) { return is_lower(c) || is_digit(c) || c == '-'; }) &&
      std::any_of(text.begin(), text.end(), is_lower) && text.front() != '-' && text.back() != '-' &&
      text.find("--") == std::string_view::npos;
  if (fits) {
    return std::nullopt;
  }
  return Complaint{
      "a port name must be lower-case letters, digits and single \"-\", at most 15 of them, with at least "
      "one letter; " +
          got(text),
      "as in http or metrics-2"};
}

std::optional<Complaint> check_target_port(std::string_view text) {
  if (text.empty()) {
    return std::nullopt;  // as if it were left out
  }
  if (parse_port(text) > 0) {
    return Complaint{"a port's number is written without quotes, got " + in_quotes(text),
                     "write it without quotes"};
  }
  return check_port_name(text);
}

std::optional<Complaint> check_port_range(std::string_view text) {
  const size_t dash = text.find('-');
  const int first = parse_port(text.substr(0, dash));
  const int last = dash == std::string_view::npos ? 0 : parse_port(text.substr(dash + 1));
  if (first > 0 && last >= first) {
    return std::nullopt;
  }
  return Complaint{"must be a range of ports FIRST-LAST within 1-65535, " + got(text),
                   first > 0 && last > 0 ? "the first port is behind the last: " + std::to_string(last) +
                                               "-" + std::to_string(first)
                                         : "as in 30000-32767"};
}

std::optional<Complaint> check_config_key(std::string_view text) {
  const auto fits = [](char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; };
  if (text.empty() || !std::all_of(text.begin(), text.end(), fits)) {
    return Complaint{"Invalid value: " + in_quotes(text) +
                         ": a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
                     "as in key.name, KEY_NAME or key-name"};
  }
  if (text.size() > kSubdomainMax) {
    return Complaint{"Invalid value: " + in_quotes(text) + ": must be no more than " +
                         std::to_string(kSubdomainMax) + " bytes",
                     ""};
  }
  if (text == "." || text.starts_with("..")) {
    return Complaint{"Invalid value: " + in_quotes(text) + ": must not " +
                         (text.size() > 2 ? "start with '..'" : "be '" + std::string(text) + "'"),
                     ""};
  }
  return std::nullopt;
}

std::optional<Complaint> check_env_name(std::string_view text) {
  // IsRelaxedEnvVarName of apimachinery, which is the rule since 1.34.
  const auto fits = [](char c) { return c >= ' ' && c <= '~' && c != '='; };
  if (!text.empty() && std::all_of(text.begin(), text.end(), fits)) {
    return std::nullopt;
  }
  return Complaint{
      in_quotes(text) +
          " is no name of a variable: it must consist of printable ASCII characters other than '='",
      "as in HTTP_PORT"};
}

std::optional<Complaint> check_field_path(std::string_view text) {
  constexpr std::array<std::string_view, 9> kPaths{
      "metadata.name", "metadata.namespace", "metadata.uid",  "spec.nodeName", "spec.serviceAccountName",
      "status.podIP",  "status.podIPs",      "status.hostIP", "status.hostIPs"};
  if (std::find(kPaths.begin(), kPaths.end(), text) != kPaths.end()) {
    return std::nullopt;
  }
  for (const std::string_view map : {"metadata.labels['", "metadata.annotations['"}) {
    if (text.starts_with(map) && text.ends_with("']") && text.size() > map.size() + 2) {
      return check_label_key(text.substr(map.size(), text.size() - map.size() - 2));
    }
  }
  return Complaint{in_quotes(text) + " is no field that a variable can take",
                   "one of metadata.name, metadata.namespace, metadata.uid, metadata.labels['KEY'], "
                   "metadata.annotations['KEY'], spec.nodeName, status.podIP, status.podIPs, status.hostIP, "
                   "status.hostIPs"};
}

std::optional<Complaint> check_store(std::string_view text) {
  constexpr std::string_view kEtcd = "etcd://";
  if (text == "sqlite") {
    return std::nullopt;
  }
  if (text.starts_with(kEtcd)) {
    const std::string_view authority = text.substr(kEtcd.size());
    const size_t colon = authority.rfind(':');
    if (colon != std::string_view::npos && colon > 0 && parse_port(authority.substr(colon + 1)) > 0) {
      return std::nullopt;
    }
  }
  return Complaint{"must be sqlite or etcd://HOST:PORT, " + got(text), {}};
}

std::optional<Complaint> check_image(std::string_view text) {
  const bool fits = !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
    return c == ' ' || c == '\t' || c == '\n' || static_cast<unsigned char>(c) < 0x21;
  });
  if (fits) {
    return std::nullopt;
  }
  return Complaint{"must be an image name without spaces, " + got(text),
                   "any name will do; \"host\" runs the command from this machine"};
}

std::optional<Complaint> check_pod_name(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash != std::string_view::npos && is_dns_label(text.substr(0, slash)) &&
      is_dns_subdomain(text.substr(slash + 1))) {
    return std::nullopt;
  }
  return Complaint{"must be NAMESPACE/NAME of a pod, " + got(text),
                   is_dns_subdomain(text) ? "in the default namespace: default/" + std::string(text) : ""};
}

}  // namespace labctl::manifest
