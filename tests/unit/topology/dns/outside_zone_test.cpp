// The root zone of the outside world.

#include "topology/dns/named_conf.hpp"

#include "tests/support/addresses.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace labctl::dns {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kHead =
    "$TTL 5\n"
    ". 5 IN SOA ns.dns.outside. hostmaster.outside. 1 7200 1800 86400 5\n"
    ". 5 IN NS ns.dns.outside.\n";

TEST(OutsideZone, HasItsServerAndTheOutsideHosts) {
  model::Outside outside;
  outside.hosts = {{"www", {ip("198.51.100.80"), ip("2001:db8:51::50")}, {}},
                   {"Client", {ip("198.51.100.10")}, {}}};
  EXPECT_EQ(outside_zone(outside, {ip("198.51.100.53"), ip("2001:db8:51::35")}),
            std::string(kHead) +
                "ns.dns.outside. 5 IN A 198.51.100.53\n"
                "ns.dns.outside. 5 IN AAAA 2001:db8:51::35\n"
                "www.example.org. 5 IN A 198.51.100.80\n"
                "www.example.org. 5 IN AAAA 2001:db8:51::50\n"
                "client.example.org. 5 IN A 198.51.100.10\n");
}

TEST(OutsideZone, RecordsOfTheUserStandAsTheyAreAndComeBeforeTheHosts) {
  model::Outside outside;
  outside.hosts = {{"www", {ip("198.51.100.80")}, {}}, {"client", {ip("198.51.100.10")}, {}}};
  outside.dns_records = {"WWW.example.org\t60 IN CNAME cdn.test.", "*.wild.test. A 198.51.100.9",
                         "t.test. TXT \"a;b (\" ; said", "q.test. TXT \"a\\\"b\""};
  const std::string text = outside_zone(outside, {});
  EXPECT_EQ(text, std::string(kHead) + "client.example.org. 5 IN A 198.51.100.10\n" +
                      "WWW.example.org\t60 IN CNAME cdn.test.\n*.wild.test. A 198.51.100.9\n"
                      "t.test. TXT \"a;b (\" ; said\nq.test. TXT \"a\\\"b\"\n");
}

TEST(OutsideZone, WhatIsNoWholeLineIsLeftOut) {
  model::Outside outside;
  outside.dns_records = {"",
                         "a.test. A 1.2.3.4\nb.test. A 1.2.3.5",
                         "a.test. A 1.2.3.4 ; \n$INCLUDE /etc/passwd",
                         "$INCLUDE /etc/passwd",
                         "$ORIGIN x.",
                         "; a comment",
                         " A 1.2.3.4",
                         "\tA 1.2.3.4",
                         "a.test. TXT \"open",
                         "a.test. TXT (",
                         "a.test. TXT \"x\" )",
                         "a.test. TXT x\\",
                         "a.test. TXT \"x\\\"",
                         "a.test. TXT x\r",
                         "a.test. TXT \x7f",
                         std::string("a.test. TXT x\0", 14)};
  EXPECT_EQ(outside_zone(outside, {}), kHead);
}

TEST(OutsideZone, HostsWhoseNameIsNoneAreLeftOut) {
  model::Outside outside;
  outside.hosts = {{"a b", {ip("198.51.100.80")}, {}}, {"x\n$INCLUDE y", {ip("198.51.100.81")}, {}}};
  EXPECT_EQ(outside_zone(outside, {}), kHead);
}

TEST(OutsideConf, AnswersForTheRootAndAsksNobody) {
  const std::string conf = outside_named_conf("/run/lab", {ip("198.51.100.53"), ip("2001:db8:51::35")});
  EXPECT_THAT(conf, HasSubstr("directory \"/run/lab\";"));
  EXPECT_THAT(conf,
              HasSubstr("listen-on port 53 { 198.51.100.53; }; listen-on-v6 port 53 { 2001:db8:51::35; };"));
  EXPECT_THAT(conf, HasSubstr("recursion no;"));
  EXPECT_THAT(conf, HasSubstr("zone \".\" { type primary; file \"root.zone\"; };"));
  EXPECT_THAT(conf, Not(HasSubstr("allow-update")));
  EXPECT_THAT(outside_named_conf("/run/lab", {ip("198.51.100.53")}),
              HasSubstr("listen-on-v6 port 53 { none; };"));
}

}  // namespace
}  // namespace labctl::dns
