#include "probes/protocol/dns.hpp"

#include "probes/protocol/ldns_pointers.hpp"
#include "topology/base/error.hpp"

#include <ldns/ldns.h>

#include <algorithm>
#include <array>
#include <utility>

namespace labctl::protocol {
namespace {

using probes::Outcome;

// Records beyond this in one section are left out: a 64 KiB message can hold thousands by compression.
constexpr std::size_t kRecordsPerSection = 1024;

LdnsField parse_name(const std::string& text) { return LdnsField(ldns_dname_new_frm_str(text.c_str())); }

// 0 (no such type) for text that is none.
ldns_rr_type parse_type(const std::string& text) {
  return text.empty() || text.size() > 16 ? static_cast<ldns_rr_type>(0)
                                          : ldns_get_rr_type_by_name(text.c_str());
}

// The record as text, tabs made blanks, without the newline at its end.
std::string text_of(const ldns_rr* record) {
  const LdnsText text(ldns_rr2str(record));
  std::string line = text ? text.get() : "";
  while (!line.empty() && line.back() == '\n') {
    line.pop_back();
  }
  std::replace(line.begin(), line.end(), '\t', ' ');
  return line;
}

std::vector<std::string> section(const ldns_rr_list* list) {
  std::vector<std::string> lines;
  const std::size_t count = list == nullptr ? 0 : std::min(ldns_rr_list_rr_count(list), kRecordsPerSection);
  lines.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    lines.push_back(text_of(ldns_rr_list_rr(list, i)));
  }
  return lines;
}

std::vector<std::string> flags_of(const ldns_pkt* packet) {
  const std::array<std::pair<bool, const char*>, 7> flags{{{ldns_pkt_qr(packet), "qr"},
                                                           {ldns_pkt_aa(packet), "aa"},
                                                           {ldns_pkt_tc(packet), "tc"},
                                                           {ldns_pkt_rd(packet), "rd"},
                                                           {ldns_pkt_ra(packet), "ra"},
                                                           {ldns_pkt_ad(packet), "ad"},
                                                           {ldns_pkt_cd(packet), "cd"}}};
  std::vector<std::string> names;
  for (const auto& [set, name] : flags) {
    if (set) {
      names.emplace_back(name);
    }
  }
  return names;
}

std::string rcode_of(const ldns_pkt* packet) {
  const LdnsText text(ldns_pkt_rcode2str(ldns_pkt_get_rcode(packet)));
  return text ? text.get() : "RCODE" + std::to_string(static_cast<int>(ldns_pkt_get_rcode(packet)));
}

// Servers may leave the question out of an error reply; one that is there must be ours.
bool answers(const ldns_pkt* packet, const DnsQuestion& question, std::uint16_t id) {
  if (ldns_pkt_id(packet) != id || !ldns_pkt_qr(packet) || ldns_pkt_get_opcode(packet) != LDNS_PACKET_QUERY) {
    return false;
  }
  const ldns_rr_list* asked = ldns_pkt_question(packet);
  const std::size_t count = asked == nullptr ? 0 : ldns_rr_list_rr_count(asked);
  if (count == 0) {
    return ldns_pkt_get_rcode(packet) != LDNS_RCODE_NOERROR;
  }
  const ldns_rr* first = ldns_rr_list_rr(asked, 0);
  const LdnsField name = parse_name(question.name);
  return count == 1 && name && ldns_rr_get_type(first) == parse_type(question.type) &&
         ldns_rr_get_class(first) == LDNS_RR_CLASS_IN && ldns_rr_owner(first) != nullptr &&
         ldns_dname_compare(ldns_rr_owner(first), name.get()) == 0;
}

bool holds_type(const ldns_rr_list* list, ldns_rr_type type) {
  const std::size_t count = list == nullptr ? 0 : ldns_rr_list_rr_count(list);
  for (std::size_t i = 0; i < count; ++i) {
    if (type == LDNS_RR_TYPE_ANY || ldns_rr_get_type(ldns_rr_list_rr(list, i)) == type) {
      return true;
    }
  }
  return false;
}

void classify(const ldns_pkt* packet, const DnsQuestion& question, DnsReply& reply) {
  switch (ldns_pkt_get_rcode(packet)) {
    case LDNS_RCODE_NXDOMAIN:
      reply.outcome = Outcome::DnsNxdomain;
      reply.reason = question.name + " does not exist";
      return;
    case LDNS_RCODE_NOERROR:
      break;
    default:
      reply.outcome = Outcome::DnsError;
      reply.reason = "the server answered " + reply.rcode;
      return;
  }
  if (holds_type(ldns_pkt_answer(packet), parse_type(question.type))) {
    reply.outcome = Outcome::Ok;
  } else if (reply.truncated) {
    reply.outcome = Outcome::DnsError;
    reply.reason = "the reply was truncated";
  } else {
    reply.outcome = Outcome::DnsNodata;
    reply.reason = question.name + " has no " + question.type + " record";
  }
}

}  // namespace

std::string question_error(const DnsQuestion& question) {
  if (question.name.empty() || question.name.size() > 1024 || question.name.find('\0') != std::string::npos ||
      !parse_name(question.name)) {
    return "\"" + question.name + "\" is no domain name";
  }
  if (parse_type(question.type) == 0) {
    return "\"" + question.type + "\" is no record type";
  }
  return {};
}

std::vector<std::uint8_t> encode_dns_query(const DnsQuestion& question, std::uint16_t id) {
  if (const std::string error = question_error(question); !error.empty()) {
    throw Error(ErrorKind::InvalidInput, "DNS question: " + error,
                "write a name such as www.example.org and a type such as A, AAAA, SRV or PTR");
  }
  // The packet takes the name over.
  const LdnsPacket packet(ldns_pkt_query_new(parse_name(question.name).release(), parse_type(question.type),
                                             LDNS_RR_CLASS_IN, question.recurse ? LDNS_RD : 0));
  std::uint8_t* wire = nullptr;
  std::size_t size = 0;
  if (packet) {
    ldns_pkt_set_id(packet.get(), id);
    if (question.edns) {
      ldns_pkt_set_edns_udp_size(packet.get(), kDnsUdpSize);
    }
    if (ldns_pkt2wire(&wire, packet.get(), &size) == LDNS_STATUS_OK) {
      const LdnsBytes owned(wire);
      return {wire, wire + size};
    }
  }
  throw Error(ErrorKind::Internal, "DNS question: encode: out of memory");
}

DnsReply decode_dns_reply(std::span<const std::uint8_t> message, const DnsQuestion& question,
                          std::uint16_t id) {
  DnsReply reply;
  ldns_pkt* raw = nullptr;
  const ldns_status status = ldns_wire2pkt(&raw, message.data(), message.size());
  if (status != LDNS_STATUS_OK) {
    reply.reason = std::string("no DNS message: ") + ldns_get_errorstr_by_id(status);
    // The id is enough to know that the sender meant us: worth reporting rather than waiting on.
    reply.is_reply =
        message.size() >= 3 && message[0] == id >> 8 && message[1] == (id & 0xff) && (message[2] & 0x80);
    return reply;
  }
  const LdnsPacket packet(raw);
  reply.rcode = rcode_of(packet.get());
  reply.flags = flags_of(packet.get());
  reply.truncated = ldns_pkt_tc(packet.get());
  reply.answer = section(ldns_pkt_answer(packet.get()));
  reply.authority = section(ldns_pkt_authority(packet.get()));
  reply.additional = section(ldns_pkt_additional(packet.get()));
  reply.is_reply = answers(packet.get(), question, id);
  if (!reply.is_reply) {
    reply.reason = "the message answers another question";
    return reply;
  }
  classify(packet.get(), question, reply);
  return reply;
}

// A record is "name ttl class type data"; the data of these two has no blanks.
std::vector<IpAddress> addresses_in(const DnsReply& reply) {
  std::vector<IpAddress> addresses;
  for (const std::string& record : reply.answer) {
    const std::size_t data = record.rfind(' ');
    const std::size_t type = data == std::string::npos || data == 0 ? data : record.rfind(' ', data - 1);
    if (type == std::string::npos) {
      continue;
    }
    const std::string_view type_name = std::string_view(record).substr(type + 1, data - type - 1);
    const auto address = IpAddress::parse(std::string_view(record).substr(data + 1));
    if (address && (type_name == "A" || type_name == "AAAA")) {
      addresses.push_back(*address);
    }
  }
  return addresses;
}

}  // namespace labctl::protocol
