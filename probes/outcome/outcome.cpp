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
  std::string_view meaning;
  std::string_view cause;
};

constexpr std::array<Row, kOutcomeCount> kRows{{
    {Outcome::Ok, '.', "ok", "The destination answered as it should.", ""},
    {Outcome::Refused, 'R', "refused", "The destination, or a rule on the way, refused the port at once.",
     "Nothing listens on that port there, or the Service has no ready endpoint."},
    {Outcome::Reset, 'r', "reset", "The connection was made and then reset by the other side.",
     "The server closed it hard, or lost its state: it died, restarted, or closes without reading."},
    {Outcome::Unreachable, 'U', "unreachable", "The kernel here or a router said that there is no way there.",
     "A route is missing, a link is down, or the address belongs to no one."},
    {Outcome::Prohibited, 'P', "prohibited",
     "A firewall or a prohibiting route refused the packet and said so.",
     "A rule rejects it as administratively prohibited, or the sender's own firewall dropped it on the way "
     "out."},
    {Outcome::Timeout, 'T', "timeout", "Nothing at all came back in time.",
     "The packet or its reply was dropped on the way: a NetworkPolicy, a link that is down, or loss."},
    {Outcome::DnsNxdomain, 'N', "dns_nxdomain", "The DNS server says that the name does not exist.",
     "The Service or pod is not there, is headless without a ready endpoint, or the namespace is wrong."},
    {Outcome::DnsNodata, 'n', "dns_nodata", "The name exists, but has no record of the type asked for.",
     "The other address family was asked for, or the name is only a step on the way to longer names."},
    {Outcome::DnsError, 'D', "dns_error", "The DNS server answered with an error, or with no proper message.",
     "The server is not ready, refuses this client, or its upstream does not answer."},
    {Outcome::TlsError, 'S', "tls_error", "The TLS handshake failed or the certificate is not the right one.",
     "The Secret is missing or is for another host, or the port does not speak TLS."},
    {Outcome::HttpStatus, 'H', "http_status", "HTTP answered with another status than the one wanted.",
     "The path or host matches no rule, or the backend itself is in trouble."},
    {Outcome::WrongAnswer, 'W', "wrong_answer", "Something answered, but not what or who was expected.",
     "An address is used twice, a translation points elsewhere, or another program holds the port."},
    {Outcome::Denied, 'X', "denied", "A named rule was seen dropping the packet.",
     "A NetworkPolicy selects the pod and none of its rules allows this flow."},
    {Outcome::Inconclusive, '?', "inconclusive", "The probe could not be made, so it says nothing.",
     "This side was in trouble: no free port or descriptor, a protocol the kernel lacks, or a cancelled "
     "run."},
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
std::string_view meaning(Outcome outcome) noexcept { return row_of(outcome).meaning; }
std::string_view likely_cause(Outcome outcome) noexcept { return row_of(outcome).cause; }

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
