#pragma once

// What became of a probe: a closed list, the same in the command's output, in JSON and in scenario files.
// Errnos follow connect(2), ip(7) and the table icmp_err_convert in the kernel's net/ipv4/icmp.c; ICMP codes
// follow RFC 792, RFC 1812 section 5.2.7.1 and RFC 4443.

#include "topology/base/ip_address.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace labctl::probes {

enum class Outcome : std::uint8_t {
  Ok,            // the destination answered as it should
  Refused,       // the destination, or a rule on the way, refused the port at once
  Reset,         // the connection was made and then reset by the other side
  Unreachable,   // the kernel here or a router said that there is no way there
  Prohibited,    // a firewall or a prohibiting route refused the packet and said so
  Timeout,       // nothing at all came back in time
  DnsNxdomain,   // the DNS server says that the name does not exist
  DnsNodata,     // the name exists, but has no record of the type asked for
  DnsError,      // the DNS server answered with an error, or with no proper message
  TlsError,      // the handshake failed, or the certificate is not the right one
  HttpStatus,    // HTTP answered with another status than the one wanted
  WrongAnswer,   // something answered, but not what or who was expected
  Denied,        // a named rule was seen dropping the packet
  Inconclusive,  // the probe could not be made, so it says nothing
};

inline constexpr std::size_t kOutcomeCount = 14;
// Every outcome, in the order in which tables and reports list them.
inline constexpr std::array<Outcome, kOutcomeCount> kOutcomes{
    Outcome::Ok,         Outcome::Refused,     Outcome::Reset,     Outcome::Unreachable, Outcome::Prohibited,
    Outcome::Timeout,    Outcome::DnsNxdomain, Outcome::DnsNodata, Outcome::DnsError,    Outcome::TlsError,
    Outcome::HttpStatus, Outcome::WrongAnswer, Outcome::Denied,    Outcome::Inconclusive};

// "ok", "dns_nxdomain": stable, used in every format.
std::string_view to_string(Outcome outcome) noexcept;
// Exact names only.
std::optional<Outcome> parse_outcome(std::string_view text) noexcept;
// "ok, refused, reset, ...": for the hint of a message about a bad name.
std::string outcome_names();
// One printable ASCII character, different for each; '.' is ok.
char glyph(Outcome outcome) noexcept;

// What an errno of connect(2), a send or SO_ERROR says about the network. Local trouble (no free port, no
// descriptors, no memory) says nothing about it and is Inconclusive, as is every errno not known here.
// 0 is Ok; EINPROGRESS and EAGAIN are no outcome and must not be asked for.
Outcome outcome_of_errno(int errno_value) noexcept;

// What an ICMP (or, by family, ICMPv6) error says. Types that are no errors are Inconclusive.
Outcome outcome_of_icmp(Family family, std::uint8_t type, std::uint8_t code) noexcept;

}  // namespace labctl::probes
