#pragma once

// A record of the outside world's DNS server, as a Cluster's text says it: NAME [TTL] [IN] TYPE VALUE. What
// comes out is safe in a zone file: one line, no directive, no name that depends on an origin.

#include "topology/manifest/yaml/text_format.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace labctl::manifest {

struct DnsRecord {
  std::string owner;  // absolute, in lower case: "www.example.org."
  std::string type;   // "A"
  std::string text;   // the whole record, names absolute, texts quoted: "www.example.org. A 198.51.100.80"
};

std::optional<Complaint> check_dns_record(std::string_view text);

// Precondition: check_dns_record() has no complaint.
DnsRecord read_dns_record(std::string_view text);

}  // namespace labctl::manifest
