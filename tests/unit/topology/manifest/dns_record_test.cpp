// Records of a Cluster end in a zone file: what is let through must stay one record there.

#include "topology/manifest/kinds/dns_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace labctl::manifest {
namespace {

using testing::HasSubstr;

std::string written(const std::string& text) {
  const auto complaint = check_dns_record(text);
  return complaint ? "refused: " + complaint->message : read_dns_record(text).text;
}

TEST(DnsRecord, NamesBecomeAbsoluteAndLowerCase) {
  EXPECT_EQ(written("WWW.example.org A 198.51.100.80"), "www.example.org. A 198.51.100.80");
  EXPECT_EQ(written("a CNAME b.Example.org"), "a. CNAME b.example.org.");
  EXPECT_EQ(written("example.org NS ns.example.org"), "example.org. NS ns.example.org.");
  EXPECT_EQ(written("80.100.51.198.in-addr.arpa PTR www.example.org"),
            "80.100.51.198.in-addr.arpa. PTR www.example.org.");
  EXPECT_EQ(written("example.org MX 10 mail.example.org"), "example.org. MX 10 mail.example.org.");
  EXPECT_EQ(written("_http._tcp.example.org SRV 0 100 80 www.example.org"),
            "_http._tcp.example.org. SRV 0 100 80 www.example.org.");
}

TEST(DnsRecord, TtlAndClassMayStandInEitherOrder) {
  EXPECT_EQ(written("a. 300 IN A 192.0.2.1"), "a. 300 A 192.0.2.1");
  EXPECT_EQ(written("a.\tin  300 a 192.0.2.1 "), "a. 300 A 192.0.2.1");
  EXPECT_EQ(written("a. IN AAAA 2001:DB8:0::1"), "a. AAAA 2001:db8::1");
  EXPECT_THAT(written("a. 2147483648 A 192.0.2.1"), HasSubstr("a TTL is 0 to 2147483647"));
}

TEST(DnsRecord, TextsAreQuoted) {
  EXPECT_EQ(written(R"(a. TXT hello "x; $y (z) @")"), R"(a. TXT "hello" "x; $y (z) @")");
  EXPECT_EQ(written(R"(a. TXT "say \"hi\" \\ \010\255")"), R"(a. TXT "say \"hi\" \\ \010\255")");
  EXPECT_EQ(written(R"(a. TXT "")"), R"(a. TXT "")");
}

TEST(DnsRecord, AWildcardMayOwnRecords) {
  EXPECT_EQ(written("*.example.org A 192.0.2.1"), "*.example.org. A 192.0.2.1");
  EXPECT_EQ(written("*.example.org CNAME www.example.org"), "*.example.org. CNAME www.example.org.");
  for (const char* bad : {"* A 192.0.2.1", "a.*.org A 192.0.2.1", "a. CNAME *.b.", "*.example.org NS b.",
                          "*a.org A 192.0.2.1"}) {
    EXPECT_TRUE(check_dns_record(bad)) << bad;
  }
}

TEST(DnsRecord, TheRootMeansNoServerAndOwnsNothing) {
  EXPECT_EQ(written("example.org MX 0 ."), "example.org. MX 0 .");
  EXPECT_EQ(written("_x._tcp.a SRV 0 0 0 ."), "_x._tcp.a. SRV 0 0 0 .");
  for (const char* bad : {". A 192.0.2.1", ". TXT x", "a. CNAME .", "a. NS ."}) {
    EXPECT_TRUE(check_dns_record(bad)) << bad;
  }
}

TEST(DnsRecord, NothingGetsASecondLineOrADirectiveIn) {
  const std::vector<std::string> bad{
      "a. A 192.0.2.1\n$INCLUDE /etc/shadow",
      "a. A 192.0.2.1\r\nb. A 192.0.2.2",
      "a. TXT \"x\n$GENERATE 1-9999999 h$ A 192.0.2.1\"",
      std::string("a. TXT \"x\0y\"", 12),
      "a. TXT \"\x7f\"",
      "a. TXT \"\xc3\xa4\"",
      "$INCLUDE TXT x",
      "$ORIGIN TXT x",
      "@ A 192.0.2.1",
      "a. CNAME @",
      "a. A 192.0.2.1 ; comment",
      "a. A ( 192.0.2.1 )",
      "a. TXT ( \"x\"",
      "a. TXT \"x",
      "a. TXT x\"",
      "a. TXT \"x\"y",
      "a. TXT \"x\"\"y\"",
      "a. TXT \"x\\",
      "a. TXT \"x\\\"",
      "a. TXT \"\\256\"",
      "a. TXT \"\\1\"",
      "a. TXT \\\"",
      "a\\010b A 192.0.2.1",
      "\"a.\" A 192.0.2.1",
      "a. \"A\" 192.0.2.1",
      "a. A \"192.0.2.1\"",
      "a. CNAME \"b.\"",
      " A 192.0.2.1",
  };
  for (const std::string& text : bad) {
    const auto complaint = check_dns_record(text);
    ASSERT_TRUE(complaint) << text;
    EXPECT_EQ(complaint->message.find('\n'), std::string::npos) << text;
  }
}

TEST(DnsRecord, NumbersAndValuesAreCounted) {
  for (const char* bad : {"a. MX mail.", "a. MX 65536 mail.", "a. MX -1 mail.", "a. MX 1 2 mail.", "a. MX 10",
                          "a. SRV 1 2 b.", "a. SRV 1 2 3", "a. SRV 1 2 70000 b.", "a. SRV 1 2 3 b. c.",
                          "a. A 192.0.2.1 192.0.2.2", "a. CNAME b. c.", "a. NS", "a. TXT",
                          "a. IN IN A 192.0.2.1", "a. 1 2 A 192.0.2.1", "a. SOA a. b. 1 2 3 4 5"}) {
    EXPECT_TRUE(check_dns_record(bad)) << bad;
  }
}

TEST(DnsRecord, NamesKeepTheirLengths) {
  const std::string label(63, 'a');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  ASSERT_EQ(longest.size(), 253U);
  EXPECT_EQ(written(longest + " A 192.0.2.1"), longest + ". A 192.0.2.1");
  EXPECT_TRUE(check_dns_record(longest + "b A 192.0.2.1"));
  EXPECT_TRUE(check_dns_record("*." + longest + " A 192.0.2.1"));
  EXPECT_TRUE(check_dns_record(label + "a A 192.0.2.1"));
  EXPECT_TRUE(check_dns_record("a..b A 192.0.2.1"));
  EXPECT_TRUE(check_dns_record(".a A 192.0.2.1"));
  EXPECT_FALSE(check_dns_record("a. TXT \"" + std::string(255, 'x') + "\""));
  EXPECT_TRUE(check_dns_record("a. TXT \"" + std::string(256, 'x') + "\""));
}

// BIND does not load a zone with such names in it (check-names).
TEST(DnsRecord, HostsHaveNamesOfHosts) {
  for (const char* bad : {"_a.org A 192.0.2.1", "-a.org AAAA ::1", "a.org. NS _b.", "a. MX 1 b_c.",
                          "a. SRV 1 2 3 _b.", "1.in-addr.arpa. PTR _b."}) {
    EXPECT_TRUE(check_dns_record(bad)) << bad;
  }
  EXPECT_FALSE(check_dns_record("_a.org CNAME _b.org"));
}

}  // namespace
}  // namespace labctl::manifest
