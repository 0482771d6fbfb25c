// Names and lines as zone files hold them.

#include "topology/dns/record.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <string>

namespace labctl::dns {
namespace {

TEST(DomainName, IsAbsoluteAndInLowerCase) {
  EXPECT_EQ(domain_name("Web.Shop.svc"), "web.shop.svc.");
  EXPECT_EQ(domain_name("web."), "web.");
  EXPECT_EQ(domain_name("_http._tcp.web"), "_http._tcp.web.");
  EXPECT_EQ(domain_name("10.0.0.1"), "10.0.0.1.");
}

TEST(DomainName, HasLabelsOfAtMost63AndIsAtMost253Long) {
  const std::string longest(63, 'a');
  EXPECT_EQ(domain_name(longest), longest + ".");
  EXPECT_FALSE(domain_name(longest + "a"));
  const std::string three = longest + "." + longest + "." + longest + ".";
  EXPECT_TRUE(domain_name(three + std::string(61, 'b')));
  EXPECT_TRUE(domain_name(three + std::string(61, 'b') + "."));
  EXPECT_FALSE(domain_name(three + std::string(62, 'b')));
}

TEST(DomainName, RefusesEverythingElse) {
  for (const std::string text : {"", ".", "..", ".a", "a..b", "a..", "a b", "a\nb", "a;b", "a\"b", "$ORIGIN",
                                 "a\\b", "*.a", "@", "a/b", "a:b", "(a", "\xc3\xbc.de", "a\t"}) {
    EXPECT_FALSE(domain_name(text)) << text;
  }
  EXPECT_FALSE(domain_name(std::string("a\0b", 3)));
}

TEST(DomainName, ThatMustBeOneIsNamedInTheError) {
  EXPECT_EQ(required_domain_name("Cluster.local"), "cluster.local.");
  try {
    required_domain_name("a b\n");
    FAIL() << "took it";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
    EXPECT_EQ(error.message(), "\"a b?\" is no name that DNS can hold");
  }
}

TEST(RecordText, IsALineOfAZoneFile) {
  EXPECT_EQ(to_text({"web.shop.svc.cluster.local.", RecordType::A, "10.96.0.7"}),
            "web.shop.svc.cluster.local. 5 IN A 10.96.0.7");
  EXPECT_EQ(to_text({"a.", RecordType::Aaaa, "::1"}), "a. 5 IN AAAA ::1");
  EXPECT_EQ(to_text({"a.", RecordType::Srv, "0 100 80 b."}), "a. 5 IN SRV 0 100 80 b.");
  EXPECT_EQ(to_text({"a.", RecordType::Txt, "\"1.1.0\""}), "a. 5 IN TXT \"1.1.0\"");
  EXPECT_EQ(to_text({"a.", RecordType::Cname, "b."}), "a. 5 IN CNAME b.");
  EXPECT_EQ(to_text({"a.", RecordType::Ptr, "b."}), "a. 5 IN PTR b.");
}

}  // namespace
}  // namespace labctl::dns
