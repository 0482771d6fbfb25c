#include "probes/protocol/dns.hpp"

#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::protocol {
namespace {

using probes::Outcome;
using testing::ElementsAre;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint16_t kId = 0x4242;

DnsQuestion question(const char* type = "A") {
  DnsQuestion question;
  question.name = "www.example.org";
  question.type = type;
  question.edns = false;
  return question;
}

// The query made a reply: `flags` are the two bytes after the id, `answers` whole records.
Bytes reply(const DnsQuestion& question, std::uint16_t flags, const Bytes& answers = {},
            std::uint8_t count = 0) {
  Bytes bytes = encode_dns_query(question, kId);
  bytes[2] = static_cast<std::uint8_t>(flags >> 8);
  bytes[3] = static_cast<std::uint8_t>(flags);
  bytes[7] = count;
  bytes.insert(bytes.end(), answers.begin(), answers.end());
  return bytes;
}

// www.example.org. 5 IN A 192.0.2.7, the name compressed.
const Bytes kAddress{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 192, 0, 2, 7};
// www.example.org. 5 IN CNAME www.example.org.
const Bytes kAlias{0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 5, 0, 2, 0xc0, 12};

TEST(DnsQuery, HasIdFlagsAndQuestion) {
  const Bytes bytes = encode_dns_query(question(), kId);
  ASSERT_EQ(bytes.size(), 12u + 17 + 4);
  EXPECT_EQ(bytes[0], 0x42);
  EXPECT_EQ(bytes[2], 0x01);  // RD
  EXPECT_EQ(bytes[5], 1);     // one question
  EXPECT_EQ(bytes[11], 0);    // no OPT record
}

TEST(DnsQuery, AnnouncesASizeWithEdns) {
  DnsQuestion with = question();
  with.edns = true;
  with.recurse = false;
  const Bytes bytes = encode_dns_query(with, kId);
  EXPECT_EQ(bytes[2], 0);
  EXPECT_EQ(bytes[11], 1);
  ASSERT_EQ(bytes.size(), 12u + 17 + 4 + 11);
  EXPECT_EQ(bytes[36] << 8 | bytes[37], kDnsUdpSize);
}

TEST(DnsQuery, BadNamesAndTypesAreRefused) {
  DnsQuestion bad = question();
  bad.name = "a..b";
  EXPECT_NE(question_error(bad), "");
  EXPECT_THROW(encode_dns_query(bad, kId), Error);
  bad.name = std::string(300, 'a');
  EXPECT_NE(question_error(bad), "");
  bad.name = "";
  EXPECT_NE(question_error(bad), "");
  EXPECT_NE(question_error(question("NONSENSE")), "");
  EXPECT_NE(question_error(question("")), "");
  EXPECT_EQ(question_error(question("TYPE65280")), "");
}

TEST(DnsReply, WithTheRecordIsOk) {
  const DnsReply got = decode_dns_reply(reply(question(), 0x8580, kAddress, 1), question(), kId);
  EXPECT_EQ(got.outcome, Outcome::Ok) << got.reason;
  EXPECT_TRUE(got.is_reply);
  EXPECT_EQ(got.rcode, "NOERROR");
  EXPECT_THAT(got.flags, ElementsAre("qr", "aa", "rd", "ra"));
  EXPECT_THAT(got.answer, ElementsAre("www.example.org. 5 IN A 192.0.2.7"));
  EXPECT_TRUE(got.reason.empty());
}

TEST(DnsReply, NamesCompareWithoutCase) {
  Bytes bytes = reply(question(), 0x8180, kAddress, 1);
  bytes[13] = 'W';
  EXPECT_EQ(decode_dns_reply(bytes, question(), kId).outcome, Outcome::Ok);
}

TEST(DnsReply, NxdomainIsItsOwnOutcome) {
  const DnsReply got = decode_dns_reply(reply(question(), 0x8183), question(), kId);
  EXPECT_EQ(got.outcome, Outcome::DnsNxdomain);
  EXPECT_EQ(got.rcode, "NXDOMAIN");
}

TEST(DnsReply, WithoutTheTypeIsNodata) {
  EXPECT_EQ(decode_dns_reply(reply(question(), 0x8180), question(), kId).outcome, Outcome::DnsNodata);
  EXPECT_EQ(decode_dns_reply(reply(question(), 0x8180, kAlias, 1), question(), kId).outcome,
            Outcome::DnsNodata);
  EXPECT_EQ(decode_dns_reply(reply(question("CNAME"), 0x8180, kAlias, 1), question("CNAME"), kId).outcome,
            Outcome::Ok);
  EXPECT_EQ(decode_dns_reply(reply(question("ANY"), 0x8180, kAlias, 1), question("ANY"), kId).outcome,
            Outcome::Ok);
}

TEST(DnsReply, OtherCodesAreErrors) {
  const DnsReply got = decode_dns_reply(reply(question(), 0x8182), question(), kId);
  EXPECT_EQ(got.outcome, Outcome::DnsError);
  EXPECT_EQ(got.rcode, "SERVFAIL");
  EXPECT_EQ(got.reason, "the server answered SERVFAIL");
}

TEST(DnsReply, TruncationIsSaid) {
  EXPECT_TRUE(decode_dns_reply(reply(question(), 0x8380), question(), kId).truncated);
}

TEST(DnsReply, OfAnotherQuestionIsNone) {
  EXPECT_FALSE(decode_dns_reply(reply(question(), 0x8180), question(), kId + 1).is_reply);
  EXPECT_FALSE(decode_dns_reply(reply(question("AAAA"), 0x8180), question(), kId).is_reply);
  EXPECT_FALSE(decode_dns_reply(reply(question(), 0x0100), question(), kId).is_reply);
  DnsQuestion other = question();
  other.name = "mail.example.org";
  EXPECT_FALSE(decode_dns_reply(reply(question(), 0x8180), other, kId).is_reply);
}

TEST(DnsReply, AnyBytesAreTaken) {
  const Bytes whole = reply(question(), 0x8180, kAddress, 1);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(decode_dns_reply(std::span(whole).first(size), question(), kId).outcome, Outcome::Ok);
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const std::uint8_t value : {0x00, 0x3f, 0x80, 0xc0, 0xff}) {
      Bytes changed = whole;
      changed[at] = value;
      decode_dns_reply(changed, question(), kId);
    }
  }
}

TEST(DnsReply, ANamePointingAtItselfIsNoMessage) {
  Bytes loop = reply(question(), 0x8180, {0xc0, 33, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 192, 0, 2, 7}, 1);
  EXPECT_EQ(decode_dns_reply(loop, question(), kId).outcome, Outcome::DnsError);
}

TEST(DnsReply, AddressesAreThoseOfItsAnswer) {
  DnsReply reply;
  reply.answer = {"www.example.org. 5 IN CNAME web.example.org.",
                  "web.example.org. 5 IN A 192.0.2.7",
                  "web.example.org. 5 IN AAAA 2001:db8::7",
                  "web.example.org. 5 IN TXT 192.0.2.8",
                  "192.0.2.9",
                  ""};
  reply.additional = {"ns.example.org. 5 IN A 192.0.2.53"};
  EXPECT_THAT(addresses_in(reply),
              ElementsAre(*IpAddress::parse("192.0.2.7"), *IpAddress::parse("2001:db8::7")));
}

}  // namespace
}  // namespace labctl::protocol
