#pragma once

// Owners of what ldns allocates. For the files of this room that speak to ldns.

#include <ldns/ldns.h>

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace labctl::protocol {

struct LdnsDeleter {
  void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
  void operator()(ldns_rdf* field) const { ldns_rdf_deep_free(field); }
  void operator()(ldns_rr* record) const { ldns_rr_free(record); }
  void operator()(ldns_rr_list* records) const { ldns_rr_list_deep_free(records); }
  void operator()(char* text) const { std::free(text); }
  void operator()(std::uint8_t* bytes) const { std::free(bytes); }
};

using LdnsPacket = std::unique_ptr<ldns_pkt, LdnsDeleter>;
using LdnsField = std::unique_ptr<ldns_rdf, LdnsDeleter>;  // a name, or a part of a record's data
using LdnsRecord = std::unique_ptr<ldns_rr, LdnsDeleter>;
using LdnsRecords = std::unique_ptr<ldns_rr_list, LdnsDeleter>;
using LdnsText = std::unique_ptr<char, LdnsDeleter>;
using LdnsBytes = std::unique_ptr<std::uint8_t, LdnsDeleter>;

}  // namespace labctl::protocol
