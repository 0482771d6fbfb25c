#pragma once

// The formats of strings in manifests. A check returns what is wrong and how to mend it, or nothing.
// Rules are those of the Kubernetes API validation (apimachinery util/validation), messages are ours.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace labctl::manifest {

inline constexpr std::size_t kLabelMax = 63;
inline constexpr std::size_t kSubdomainMax = 253;

struct Complaint {
  std::string message;
  std::string hint;
};

using TextCheck = std::optional<Complaint> (*)(std::string_view);

std::optional<Complaint> check_not_empty(std::string_view text);
std::optional<Complaint> check_dns_label(std::string_view text);       // RFC 1123, at most 63
std::optional<Complaint> check_dns_subdomain(std::string_view text);   // labels and dots, at most 253
std::optional<Complaint> check_dns_1035_label(std::string_view text);  // a label that begins with a letter
std::optional<Complaint> check_domain_name(std::string_view text);     // a subdomain of labels of at most 63
// metadata.generateName of a kind whose names `check_name` checks: the beginning of a name, or nothing.
std::optional<Complaint> check_name_prefix(std::string_view text, TextCheck check_name);
std::optional<Complaint> check_label_key(std::string_view text);  // [prefix/]name
std::optional<Complaint> check_label_value(std::string_view text);
std::optional<Complaint> check_qualified_name(std::string_view text);  // as a label key
std::optional<Complaint> check_ip(std::string_view text);
std::optional<Complaint> check_cidr(std::string_view text);       // no host bits
std::optional<Complaint> check_timestamp(std::string_view text);  // RFC 3339
std::optional<Complaint> check_duration(std::string_view text);
std::optional<Complaint> check_rate(std::string_view text);            // "100mbit"
std::optional<Complaint> check_percent(std::string_view text);         // "0.1%"
std::optional<Complaint> check_int_or_percent(std::string_view text);  // the text of it: "25%"
std::optional<Complaint> check_port_name(std::string_view text);       // IANA_SVC_NAME, RFC 6335
std::optional<Complaint> check_target_port(std::string_view text);     // the text of it: a port name, or ""
std::optional<Complaint> check_port_range(std::string_view text);      // "30000-32767"
std::optional<Complaint> check_config_key(std::string_view text);      // of a ConfigMap or Secret
std::optional<Complaint> check_env_name(std::string_view text);
std::optional<Complaint> check_field_path(std::string_view text);  // a fieldRef of a pod
std::optional<Complaint> check_store(std::string_view text);       // "sqlite", "etcd://HOST:PORT"
std::optional<Complaint> check_image(std::string_view text);
std::optional<Complaint> check_pod_name(std::string_view text);  // "ns/name"

// A regular expression, as topology/base/pattern.hpp has them.
std::optional<Complaint> check_pattern(std::string_view text);

// "100mbit" in bits a second (bit, kbit, mbit, gbit, tbit; powers of 1000); nothing if it is none or 0.
std::optional<std::uint64_t> parse_rate(std::string_view text);
// "0.1%" as 0.1; 0 to 100.
std::optional<double> parse_percent(std::string_view text);

}  // namespace labctl::manifest
