#include "probes/outcome/outcome.hpp"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <cerrno>

namespace labctl::probes {
namespace {

struct Row {
  Outcome outcome;
  char glyph;
  std::string_view name;
};

constexpr std::array<Row, kOutcomeCount> kRows{{
    {Outcome::Ok, '.', "ok"},
    {Outcome::Refused, 'R', "refused"},
    {Outcome::Reset, 'r', "reset"},
    {Outcome::Unreachable, 'U', "unreachable"},
    {Outcome::Prohibited, 'P', "prohibited"},
    {Outcome::Timeout, 'T', "timeout"},
    {Outcome::DnsNxdomain, 'N', "dns_nxdomain"},
    {Outcome::DnsNodata, 'n', "dns_nodata"},
    {Outcome::DnsError, 'D', "dns_error"},
    {Outcome::TlsError, 'S', "tls_error"},
    {Outcome::HttpStatus, 'H', "http_status"},
    {Outcome::WrongAnswer, 'W', "wrong_answer"},
    {Outcome::Denied, 'X', "denied"},
    {Outcome::Inconclusive, '?', "inconclusive"},
}};

const Row& row_of(Outcome outcome) noexcept { return kRows[static_cast<std::size_t>(outcome)]; }

Outcome outcome_of_icmp4(std::uint8_t type, std::uint8_t code) noexcept {
  if (type == ICMP_TIME_EXCEEDED) {
    return Outcome::Unreachable;
  }
  if (type != ICMP_DEST_UNREACH) {
    return Outcome::Inconclusive;
  }
  switch (code) {
    case ICMP_PORT_UNREACH:
      return Outcome::Refused;
    case ICMP_NET_ANO:
    case ICMP_HOST_ANO:
    case ICMP_PKT_FILTERED:
      return Outcome::Prohibited;
    case ICMP_FRAG_NEEDED:
      return Outcome::Inconclusive;  // a hint about sizes, not about reachability
    default:
      return Outcome::Unreachable;
  }
}

Outcome outcome_of_icmp6(std::uint8_t type, std::uint8_t code) noexcept {
  // RFC 4443 section 3.1: 5 is a failed ingress or egress policy, 6 a reject route.
  constexpr std::uint8_t kPolicyFailed = 5;
  constexpr std::uint8_t kRejectRoute = 6;
  if (type == ICMP6_TIME_EXCEEDED) {
    return Outcome::Unreachable;
  }
  if (type != ICMP6_DST_UNREACH) {
    return Outcome::Inconclusive;
  }
  switch (code) {
    case ICMP6_DST_UNREACH_NOPORT:
      return Outcome::Refused;
    case ICMP6_DST_UNREACH_ADMIN:
    case kPolicyFailed:
    case kRejectRoute:
      return Outcome::Prohibited;
    default:
      return Outcome::Unreachable;
  }
}

}  // namespace

std::string_view to_string(Outcome outcome) noexcept { return row_of(outcome).name; }
char glyph(Outcome outcome) noexcept { return row_of(outcome).glyph; }

std::optional<Outcome> parse_outcome(std::string_view text) noexcept {
  for (const Row& row : kRows) {
    if (row.name == text) {
      return row.outcome;
    }
  }
  return std::nullopt;
}

std::string outcome_names() {
  std::string names;
  for (const Row& row : kRows) {
    names += (names.empty() ? "" : ", ") + std::string(row.name);
  }
  return names;
}

Outcome outcome_of_errno(int errno_value) noexcept {
  switch (errno_value) {
    case 0:
      return Outcome::Ok;
    case ECONNREFUSED:
      return Outcome::Refused;
    case ECONNRESET:
    case EPIPE:
      return Outcome::Reset;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case ENONET:
    case ENOPROTOOPT:  // ICMP protocol unreachable
      return Outcome::Unreachable;
    case EACCES:  // a route of type prohibit
    case EPERM:   // dropped by an output hook of this namespace
      return Outcome::Prohibited;
    case ETIMEDOUT:
      return Outcome::Timeout;
    default:
      return Outcome::Inconclusive;
  }
}

Outcome outcome_of_icmp(Family family, std::uint8_t type, std::uint8_t code) noexcept {
  return family == Family::IPv4 ? outcome_of_icmp4(type, code) : outcome_of_icmp6(type, code);
}

}  // namespace labctl::probes
