#include "probes/protocol/identity.hpp"

#include "probes/protocol/tcp.hpp"

#include <gtest/gtest.h>

namespace labctl::protocol {
namespace {

TEST(Identity, IsTwoWords) {
  for (const char* text : {"pod/default/a\n10.244.1.2:40312\n", "pod/default/a 10.244.1.2:40312",
                           "  pod/default/a\r\n10.244.1.2:40312"}) {
    const auto identity = parse_identity(text);
    ASSERT_TRUE(identity) << text;
    EXPECT_EQ(identity->backend, "pod/default/a");
    EXPECT_EQ(identity->source, IpAddress::parse("10.244.1.2"));
    EXPECT_EQ(identity->source_port, 40312);
  }
}

TEST(Identity, Ipv6SourceIsInBrackets) {
  EXPECT_EQ(parse_identity("node/n [2001:db8::2]:1")->source, IpAddress::parse("2001:db8::2"));
  EXPECT_FALSE(parse_identity("node/n 2001:db8::2:1"));
  EXPECT_FALSE(parse_identity("node/n [10.0.0.1]:1"));
}

TEST(Identity, OtherTextIsNone) {
  for (const std::string& text :
       {std::string(), std::string("hello"), std::string("pod/a"), std::string("pod/a 1.2.3.4"),
        std::string("pod/a 1.2.3.4:99999"), std::string("/a 1.2.3.4:5"), std::string("a/ 1.2.3.4:5"),
        std::string("p\x1bod/a 1.2.3.4:5"), "pod/" + std::string(600, 'a') + " 1.2.3.4:5",
        std::string("pod/a 1.2.3.4:-5"), "pod/a " + std::string(100, '1') + ":5"}) {
    EXPECT_FALSE(parse_identity(text)) << text;
  }
}

TEST(Identity, ComesFromAnHttpReplyWithStatus200) {
  HttpResponse response;
  response.status = 200;
  response.body = "pod/default/a\n10.244.1.2:40312\n";
  ASSERT_TRUE(identity_in(response));
  EXPECT_EQ(identity_in(response)->backend, "pod/default/a");
  response.status = 404;
  EXPECT_FALSE(identity_in(response));
}

}  // namespace
}  // namespace labctl::protocol
