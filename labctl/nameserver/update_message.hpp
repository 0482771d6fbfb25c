#pragma once

// DNS UPDATE (RFC 2136): changes of a zone as one message, which the server
// carries out as a whole or not at all.

#include "topology/dns/record.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace labctl::nameserver {

// What fits into a datagram on loopback, with room to spare.
inline constexpr std::size_t kDnsUpdateMax = 60'000;

// Removals before additions. Throws Error InvalidInput for a record that ldns does not read, and for a
// message longer than kDnsUpdateMax.
std::vector<std::uint8_t> encode_dns_update(const dns::ZoneChange& change, std::uint16_t id);

struct DnsAck {
  bool is_reply = false;  // to an update of this id
  std::string rcode;      // "NOERROR", "REFUSED", "SERVFAIL", ...
};
// Takes any bytes.
DnsAck decode_dns_ack(std::span<const std::uint8_t> message, std::uint16_t id);

}  // namespace labctl::nameserver
