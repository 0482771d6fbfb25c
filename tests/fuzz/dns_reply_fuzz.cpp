// DNS replies off the wire, to questions and to updates: no bytes may break the decoders, and what is no
// reply to the question is never ok.

#include "labctl/nameserver/update_message.hpp"
#include "probes/protocol/dns.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

namespace {

using labctl::probes::Outcome;

constexpr std::uint16_t kId = 0x4242;

void decode(std::span<const std::uint8_t> message, const labctl::protocol::DnsQuestion& question) {
  const auto reply = labctl::protocol::decode_dns_reply(message, question, kId);
  const bool is_ok = reply.outcome == Outcome::Ok;
  if (is_ok != reply.reason.empty() || (is_ok && (!reply.is_reply || reply.answer.empty()))) {
    std::abort();
  }
  if (labctl::protocol::addresses_in(reply).size() > reply.answer.size()) {
    std::abort();
  }
  for (const auto* section : {&reply.answer, &reply.authority, &reply.additional}) {
    for (const std::string& record : *section) {
      if (record.find_first_of("\n\t") != std::string::npos) {
        std::abort();
      }
    }
  }
}

void decode_ack(std::span<const std::uint8_t> message) {
  const auto ack = labctl::nameserver::decode_dns_ack(message, kId);
  constexpr std::uint8_t kReplyToUpdate = 0x80 | 5 << 3;  // QR and the opcode
  const bool has_header = message.size() >= 12 && message[0] == kId >> 8 && message[1] == (kId & 0xff) &&
                          (message[2] & 0xf8) == kReplyToUpdate;
  if (ack.is_reply && (!has_header || ack.rcode.empty())) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  labctl::protocol::DnsQuestion question;
  question.name = "www.example.org";
  decode({data, size}, question);
  question.type = "ANY";
  decode({data, size}, question);
  decode_ack({data, size});
  return 0;
}
