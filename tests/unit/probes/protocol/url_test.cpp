#include "probes/protocol/url.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

namespace labctl::protocol {
namespace {

TEST(Url, PartsAreTakenApart) {
  EXPECT_EQ(parse_url("http://web.default:8080/hostname?x=1#top"),
            (Url{"http", "web.default", 8080, "/hostname?x=1"}));
}

TEST(Url, PathAndPortHaveDefaults) {
  EXPECT_EQ(parse_url("http://192.0.2.7"), (Url{"http", "192.0.2.7", 80, "/"}));
  EXPECT_EQ(parse_url("https://web"), (Url{"https", "web", 443, "/"}));
  EXPECT_EQ(parse_url("http://web?q"), (Url{"http", "web", 80, "/?q"}));
}

TEST(Url, Ipv6IsInBrackets) {
  const Url url = parse_url("http://[2001:db8::7]:8080/x");
  EXPECT_EQ(url, (Url{"http", "2001:db8::7", 8080, "/x"}));
  EXPECT_EQ(to_string(url), "http://[2001:db8::7]:8080/x");
  EXPECT_EQ(host_header(url), "[2001:db8::7]:8080");
}

TEST(Url, HostHeaderLeavesTheSchemesOwnPortOut) {
  EXPECT_EQ(host_header(parse_url("http://web:80/")), "web");
  EXPECT_EQ(host_header(parse_url("https://web:80/")), "web:80");
}

TEST(Url, BadOnesAreRefusedWithAHint) {
  for (const char* text :
       {"ftp://web/", "http://", "http:///x", "http://web:0/", "http://web:65536/", "http://web:/",
        "http://web:8x/", "http://user@web/", "http://[::1/", "http://[192.0.2.1]/", "http://[::1]x/",
        "http://web/a b", "http://web/\r\nX: y", "http://we_b\x01/", "web"}) {
    try {
      parse_url(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::InvalidInput) << text;
      EXPECT_FALSE(error.hint().empty()) << text;
    }
  }
}

}  // namespace
}  // namespace labctl::protocol
