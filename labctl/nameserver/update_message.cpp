#include "labctl/nameserver/update_message.hpp"

#include "probes/protocol/ldns_pointers.hpp"
#include "topology/base/error.hpp"

#include <ldns/ldns.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

namespace labctl::nameserver {
namespace {

Error bad_record(const dns::Record& record, const std::string& why) {
  return Error(ErrorKind::InvalidInput, "DNS update: " + record.name + " " +
                                            std::string(dns::to_string(record.type)) + " " + record.data +
                                            ": " + why);
}

// Names and numbers are text without blanks or escapes; only TXT holds more.
bool is_plain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isgraph(c) && c != '"' && c != '\\' && c != ';' && c != '(' && c != ')' && c != '@';
  });
}

ldns_rr_type type_of(dns::RecordType type) {
  switch (type) {
    case dns::RecordType::A:
      return LDNS_RR_TYPE_A;
    case dns::RecordType::Aaaa:
      return LDNS_RR_TYPE_AAAA;
    case dns::RecordType::Cname:
      return LDNS_RR_TYPE_CNAME;
    case dns::RecordType::Ptr:
      return LDNS_RR_TYPE_PTR;
    case dns::RecordType::Srv:
      return LDNS_RR_TYPE_SRV;
    case dns::RecordType::Txt:
      return LDNS_RR_TYPE_TXT;
  }
  return LDNS_RR_TYPE_A;
}

protocol::LdnsField absolute_name(const std::string& text) {
  return is_plain(text) && text.back() == '.' ? protocol::LdnsField(ldns_dname_new_frm_str(text.c_str()))
                                              : nullptr;
}

// What the data of a record is made of, for the types without quoted text.
std::vector<ldns_rdf_type> field_types(dns::RecordType type) {
  switch (type) {
    case dns::RecordType::A:
      return {LDNS_RDF_TYPE_A};
    case dns::RecordType::Aaaa:
      return {LDNS_RDF_TYPE_AAAA};
    case dns::RecordType::Cname:
    case dns::RecordType::Ptr:
      return {LDNS_RDF_TYPE_DNAME};
    case dns::RecordType::Srv:
      return {LDNS_RDF_TYPE_INT16, LDNS_RDF_TYPE_INT16, LDNS_RDF_TYPE_INT16, LDNS_RDF_TYPE_DNAME};
    case dns::RecordType::Txt:
      return {};
  }
  return {};
}

protocol::LdnsField parse_field(ldns_rdf_type type, const std::string& text) {
  if (type == LDNS_RDF_TYPE_DNAME) {
    return absolute_name(text);
  }
  return is_plain(text) ? protocol::LdnsField(ldns_rdf_new_frm_str(type, text.c_str())) : nullptr;
}

// From its fields: by a fraction of the time that ldns takes to read the text of a whole record.
protocol::LdnsRecord record_from_fields(const dns::Record& record, const std::vector<ldns_rdf_type>& types) {
  protocol::LdnsField owner = absolute_name(record.name);
  protocol::LdnsRecord made(ldns_rr_new());
  if (!owner || !made) {
    throw bad_record(record, "the name is none");
  }
  ldns_rr_set_type(made.get(), type_of(record.type));
  ldns_rr_set_class(made.get(), LDNS_RR_CLASS_IN);
  ldns_rr_set_ttl(made.get(), dns::kTtl);
  ldns_rr_set_owner(made.get(), owner.release());
  std::size_t at = 0;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const std::size_t end = i + 1 == types.size() ? record.data.size() : record.data.find(' ', at);
    protocol::LdnsField field =
        end == std::string::npos ? nullptr : parse_field(types[i], record.data.substr(at, end - at));
    if (!field || !ldns_rr_push_rdf(made.get(), field.get())) {
      throw bad_record(record, "the data is none");
    }
    field.release();
    at = end + 1;
  }
  return made;
}

protocol::LdnsRecord record_from_text(const dns::Record& record) {
  if (!absolute_name(record.name)) {
    throw bad_record(record, "the name is none");
  }
  if (std::any_of(record.data.begin(), record.data.end(), [](unsigned char c) { return std::iscntrl(c); })) {
    throw bad_record(record, "the data is none");
  }
  const std::string text = record.name + " " + std::to_string(dns::kTtl) + " IN " +
                           std::string(dns::to_string(record.type)) + " " + record.data;
  ldns_rr* made = nullptr;
  const ldns_status status = ldns_rr_new_frm_str(&made, text.c_str(), dns::kTtl, nullptr, nullptr);
  protocol::LdnsRecord owned(status == LDNS_STATUS_OK ? made : nullptr);
  if (!owned) {
    throw bad_record(record, ldns_get_errorstr_by_id(status));
  }
  return owned;
}

protocol::LdnsRecord make_record(const dns::Record& record) {
  const std::vector<ldns_rdf_type> types = field_types(record.type);
  return types.empty() ? record_from_text(record) : record_from_fields(record, types);
}

void push(ldns_pkt* packet, protocol::LdnsRecord record) {
  if (!ldns_pkt_push_rr(packet, LDNS_SECTION_AUTHORITY, record.get())) {
    throw Error(ErrorKind::Internal, "DNS update: out of memory");
  }
  record.release();
}

// The update section stands where answers have their authority section. RFC 2136 §2.5: of a set of records,
// one is deleted by class NONE, its data and no TTL; class IN adds one.
void push_changes(ldns_pkt* packet, const dns::ZoneChange& change) {
  for (const dns::Record& record : change.removed) {
    protocol::LdnsRecord made = make_record(record);
    ldns_rr_set_class(made.get(), LDNS_RR_CLASS_NONE);
    ldns_rr_set_ttl(made.get(), 0);
    push(packet, std::move(made));
  }
  for (const dns::Record& record : change.added) {
    push(packet, make_record(record));
  }
}

}  // namespace

std::vector<std::uint8_t> encode_dns_update(const dns::ZoneChange& change, std::uint16_t id) {
  protocol::LdnsField zone = absolute_name(change.zone);
  if (!zone) {
    throw Error(ErrorKind::InvalidInput, "DNS update: \"" + change.zone + "\" is no zone",
                "the name of a zone is absolute, such as cluster.local.");
  }
  // The packet takes the name over.
  const protocol::LdnsPacket packet(
      ldns_pkt_query_new(zone.release(), LDNS_RR_TYPE_SOA, LDNS_RR_CLASS_IN, 0));
  if (!packet) {
    throw Error(ErrorKind::Internal, "DNS update: out of memory");
  }
  ldns_pkt_set_opcode(packet.get(), LDNS_PACKET_UPDATE);
  ldns_pkt_set_id(packet.get(), id);
  push_changes(packet.get(), change);
  std::uint8_t* wire = nullptr;
  std::size_t size = 0;
  if (ldns_pkt2wire(&wire, packet.get(), &size) != LDNS_STATUS_OK) {
    throw Error(ErrorKind::Internal, "DNS update: encode: out of memory");
  }
  const protocol::LdnsBytes owned(wire);
  if (size > kDnsUpdateMax) {
    throw Error(ErrorKind::InvalidInput,
                "DNS update of " + change.zone + ": " + std::to_string(size) + " bytes, more than the " +
                    std::to_string(kDnsUpdateMax) + " of one message",
                "split it into several");
  }
  return {wire, wire + size};
}

DnsAck decode_dns_ack(std::span<const std::uint8_t> message, std::uint16_t id) {
  DnsAck ack;
  ldns_pkt* raw = nullptr;
  if (ldns_wire2pkt(&raw, message.data(), message.size()) != LDNS_STATUS_OK) {
    return ack;
  }
  const protocol::LdnsPacket packet(raw);
  ack.is_reply = ldns_pkt_id(raw) == id && ldns_pkt_qr(raw) && ldns_pkt_get_opcode(raw) == LDNS_PACKET_UPDATE;
  const protocol::LdnsText rcode(ldns_pkt_rcode2str(ldns_pkt_get_rcode(raw)));
  ack.rcode = rcode ? rcode.get() : "RCODE" + std::to_string(static_cast<int>(ldns_pkt_get_rcode(raw)));
  return ack;
}

}  // namespace labctl::nameserver
