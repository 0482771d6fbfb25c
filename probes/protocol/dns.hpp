#pragma once

// DNS questions and replies: RFC 1035, EDNS RFC 6891, NODATA RFC 2308. The wire format is
// ldns' work; this room decides what a reply means for a probe. Replies are hostile until
// decoded: decode_dns_reply takes any bytes.
//
// Over TCP a message goes after two bytes of length, high byte first; the functions here know only messages.

#include "probes/outcome/outcome.hpp"
#include "topology/base/ip_address.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::protocol {

// What is asked. The server's address and port are the probe's.
struct DnsQuestion {
  std::string name;        // with or without the final dot; no search list is applied
  std::string type = "A";  // as ldns knows it; "TYPE65" works for others
  bool tcp = false;        // ask over TCP from the start, not only after a truncated reply
  bool recurse = true;     // the RD flag
  bool edns = true;        // announce kDnsUdpSize
  bool operator==(const DnsQuestion&) const = default;
};

// What fits into any path's MTU: the flag day 2020 recommendation.
inline constexpr std::uint16_t kDnsUdpSize = 1232;

struct DnsReply {
  probes::Outcome outcome = probes::Outcome::DnsError;
  std::string rcode;  // "NOERROR", "NXDOMAIN", "SERVFAIL", ...; empty if there was no message
  std::vector<std::string>
      flags;  // lower case, in the order of dig: "qr", "aa", "tc", "rd", "ra", "ad", "cd"
  // Records as zone files write them, one text each, blanks between the fields.
  std::vector<std::string> answer;
  std::vector<std::string> authority;
  std::vector<std::string> additional;
  bool truncated = false;  // ask again over TCP
  bool is_reply = false;   // a reply to this question: id, QR flag and question match
  std::string reason;      // why the outcome is not ok
  bool operator==(const DnsReply&) const = default;
};

// Empty if the question can be asked, else what is wrong with its name or type.
std::string question_error(const DnsQuestion& question);

// The query as it goes on the wire. Throws Error InvalidInput when question_error() has something to say.
std::vector<std::uint8_t> encode_dns_query(const DnsQuestion& question, std::uint16_t id);

// Any bytes give a reply; those that are no answer to `question` under `id` have is_reply false. The outcome
// is ok only if the answer holds a record of the type asked for (any record for ANY).
DnsReply decode_dns_reply(std::span<const std::uint8_t> message, const DnsQuestion& question,
                          std::uint16_t id);

// Those of the A and AAAA records of the answer, in order.
std::vector<IpAddress> addresses_in(const DnsReply& reply);

}  // namespace labctl::protocol
