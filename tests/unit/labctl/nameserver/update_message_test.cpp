#include "labctl/nameserver/update_message.hpp"

#include "probes/protocol/ldns_pointers.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace labctl::nameserver {
namespace {

using dns::Record;
using dns::RecordType;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint16_t kUpdateId = 0x1234;

Bytes bytes_of(const dns::ZoneChange& change) { return encode_dns_update(change, kUpdateId); }

std::string line(const ldns_rr* record) {
  const protocol::LdnsText text(ldns_rr2str(record));
  std::string line = text.get();
  line.pop_back();
  std::replace(line.begin(), line.end(), '\t', ' ');
  return line;
}

struct Message {
  protocol::LdnsPacket packet;
  std::vector<std::string> updates;
};

Message decoded(const Bytes& bytes) {
  ldns_pkt* raw = nullptr;
  EXPECT_EQ(ldns_wire2pkt(&raw, bytes.data(), bytes.size()), LDNS_STATUS_OK);
  Message message{protocol::LdnsPacket(raw), {}};
  const ldns_rr_list* list = ldns_pkt_authority(raw);
  for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
    message.updates.push_back(line(ldns_rr_list_rr(list, i)));
  }
  return message;
}

TEST(DnsUpdate, NamesTheZoneAndHasNoPrerequisites) {
  const Message message =
      decoded(bytes_of({"cluster.local.", {}, {{"a.cluster.local.", RecordType::A, "10.96.0.7"}}}));
  const ldns_pkt* packet = message.packet.get();
  EXPECT_EQ(ldns_pkt_id(packet), kUpdateId);
  EXPECT_EQ(ldns_pkt_get_opcode(packet), LDNS_PACKET_UPDATE);
  EXPECT_FALSE(ldns_pkt_qr(packet));
  EXPECT_FALSE(ldns_pkt_rd(packet));
  ASSERT_EQ(ldns_pkt_qdcount(packet), 1);
  EXPECT_EQ(line(ldns_rr_list_rr(ldns_pkt_question(packet), 0)), "cluster.local. IN SOA");
  EXPECT_EQ(ldns_pkt_ancount(packet), 0);
  EXPECT_EQ(ldns_pkt_arcount(packet), 0);
}

TEST(DnsUpdate, RemovesOneByOneBeforeItAdds) {
  const Message message = decoded(bytes_of(
      {"cluster.local.",
       {{"a.cluster.local.", RecordType::A, "10.96.0.7"}, {"a.cluster.local.", RecordType::Aaaa, "fd00::7"}},
       {{"a.cluster.local.", RecordType::A, "10.96.0.8"}}}));
  EXPECT_THAT(message.updates,
              ElementsAre("a.cluster.local. 0 NONE A 10.96.0.7", "a.cluster.local. 0 NONE AAAA fd00::7",
                          "a.cluster.local. 5 IN A 10.96.0.8"));
}

TEST(DnsUpdate, SaysEveryTypeOfRecord) {
  const Message message =
      decoded(bytes_of({"cluster.local.",
                        {},
                        {{"e.cluster.local.", RecordType::Cname, "www.example.org."},
                         {"7.0.96.10.in-addr.arpa.", RecordType::Ptr, "a.cluster.local."},
                         {"_http._tcp.a.cluster.local.", RecordType::Srv, "0 100 80 a.cluster.local."},
                         {"dns-version.cluster.local.", RecordType::Txt, "\"1.1.0; \\\"new\\\"\""}}}));
  EXPECT_THAT(message.updates, ElementsAre("e.cluster.local. 5 IN CNAME www.example.org.",
                                           "7.0.96.10.in-addr.arpa. 5 IN PTR a.cluster.local.",
                                           "_http._tcp.a.cluster.local. 5 IN SRV 0 100 80 a.cluster.local.",
                                           "dns-version.cluster.local. 5 IN TXT \"1.1.0; \\\"new\\\"\""));
}

TEST(DnsUpdate, OfNothingIsAMessageToo) {
  EXPECT_THAT(decoded(bytes_of({"cluster.local.", {}, {}})).updates, IsEmpty());
}

TEST(DnsUpdate, RefusesWhatIsNoRecord) {
  const std::vector<Record> bad{
      {"a.cluster.local.", RecordType::A, "10.96.0"},
      {"a.cluster.local.", RecordType::A, "fd00::7"},
      {"a.cluster.local.", RecordType::A, "10.96.0.7 10.96.0.8"},
      {"a.cluster.local.", RecordType::Aaaa, "10.96.0.7"},
      {"a.cluster.local.", RecordType::Cname, ""},
      {"a.cluster.local.", RecordType::Cname, "relative"},
      {"a.cluster.local.", RecordType::Srv, "0 100 eighty a.cluster.local."},
      {"a.cluster.local.", RecordType::Srv, "0 100"},
      {"a.cluster.local.", RecordType::Txt, "\"a\"\nb.cluster.local. 5 IN A 192.0.2.1"},
      {"relative", RecordType::A, "10.96.0.7"},
      {"", RecordType::A, "10.96.0.7"},
      {"two words.cluster.local.", RecordType::A, "10.96.0.7"},
      {"a..cluster.local.", RecordType::A, "10.96.0.7"},
      {std::string(64, 'x') + ".cluster.local.", RecordType::Srv, "0 100 80 a.cluster.local."}};
  for (const Record& record : bad) {
    EXPECT_THROW(bytes_of({"cluster.local.", {}, {record}}), Error) << record.name << " " << record.data;
    EXPECT_THROW(bytes_of({"cluster.local.", {record}, {}}), Error) << record.name << " " << record.data;
  }
  EXPECT_THROW(bytes_of({"cluster local", {}, {}}), Error);
}

std::vector<Record> many(std::size_t count) {
  std::vector<Record> records;
  for (std::size_t i = 0; i < count; ++i) {
    records.push_back({"service-" + std::to_string(i) + ".shop.svc.cluster.local.", RecordType::A,
                       "10.96." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256)});
  }
  return records;
}

TEST(DnsUpdate, HoldsAThousandRecordsAndRefusesTooMany) {
  EXPECT_EQ(decoded(bytes_of({"cluster.local.", many(500), many(500)})).updates.size(), 1000u);
  try {
    bytes_of({"cluster.local.", {}, many(10'000)});
    FAIL() << "10,000 records went into one message";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
    EXPECT_THAT(error.message(), HasSubstr("more than the 60000"));
  }
}

// The reply of a server: the message with the QR flag and a response code.
Bytes ack(std::uint8_t rcode) {
  Bytes bytes = bytes_of({"cluster.local.", {}, {}});
  bytes[2] |= 0x80;
  bytes[3] = rcode;
  return bytes;
}

TEST(DnsAck, TellsTheResponseCode) {
  EXPECT_TRUE(decode_dns_ack(ack(0), kUpdateId).is_reply);
  EXPECT_EQ(decode_dns_ack(ack(0), kUpdateId).rcode, "NOERROR");
  EXPECT_EQ(decode_dns_ack(ack(5), kUpdateId).rcode, "REFUSED");
  EXPECT_EQ(decode_dns_ack(ack(9), kUpdateId).rcode, "NOTAUTH");
}

TEST(DnsAck, MayBeTheHeaderAlone) {
  Bytes bytes = ack(2);
  bytes.resize(12);
  bytes[5] = 0;
  EXPECT_TRUE(decode_dns_ack(bytes, kUpdateId).is_reply);
  EXPECT_EQ(decode_dns_ack(bytes, kUpdateId).rcode, "SERVFAIL");
}

TEST(DnsAck, IsNoneOfAnotherIdKindOrDirection) {
  EXPECT_FALSE(decode_dns_ack(ack(0), kUpdateId + 1).is_reply);
  EXPECT_FALSE(decode_dns_ack(bytes_of({"cluster.local.", {}, {}}), kUpdateId).is_reply);
  Bytes answer = ack(0);
  answer[2] = 0x80;  // of a query
  EXPECT_FALSE(decode_dns_ack(answer, kUpdateId).is_reply);
}

TEST(DnsAck, TakesAnyBytes) {
  const Bytes good = ack(0);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode_dns_ack(std::span(good).first(size), kUpdateId).is_reply) << size;
  }
  std::minstd_rand random(1);
  for (int i = 0; i < 10'000; ++i) {
    Bytes bytes = good;
    for (int n = 0; n < 4; ++n) {
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    }
    const DnsAck got = decode_dns_ack(bytes, kUpdateId);
    EXPECT_FALSE(got.is_reply && (bytes[0] != 0x12 || bytes[1] != 0x34));
  }
}

}  // namespace
}  // namespace labctl::nameserver
