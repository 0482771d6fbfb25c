#include "probes/protocol/target.hpp"
#include "tests/support/addresses.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

namespace labctl::protocol {
namespace {

TEST(Target, EveryFormParsesToItsKind) {
  EXPECT_EQ(parse_target("192.0.2.7:80"), Target(AddressTarget{ip("192.0.2.7"), 80}));
  EXPECT_EQ(parse_target("[2001:db8::7]:80"), Target(AddressTarget{ip("2001:db8::7"), 80}));
  EXPECT_EQ(parse_target("web.shop:80"), Target(NameTarget{"web.shop", 80}));
  EXPECT_EQ(parse_target("www.example.org.:80"), Target(NameTarget{"www.example.org.", 80}));
  EXPECT_EQ(parse_target("icmp:web.shop"), Target(NameTarget{"web.shop", 0}));
  EXPECT_EQ(parse_target("pod/default/web-0:8080"),
            Target(PlaceTarget{model::Place::pod("default", "web-0"), 8080}));
  EXPECT_EQ(parse_target("pod/default/web-0"),
            Target(PlaceTarget{model::Place::pod("default", "web-0"), std::nullopt}));
  EXPECT_EQ(parse_target("node/node-1:30080"), Target(PlaceTarget{model::Place::node("node-1"), 30080}));
  EXPECT_EQ(parse_target("outside/www:80"), Target(PlaceTarget{model::Place::outside("www"), 80}));
  EXPECT_EQ(parse_target("svc/default/web:80"), Target(ServiceTarget{"default", "web", 80, ""}));
  EXPECT_EQ(parse_target("svc/default/web:http"), Target(ServiceTarget{"default", "web", 0, "http"}));
  EXPECT_EQ(parse_target("http://web/x"), Target(UrlTarget{Url{"http", "web", 80, "/x"}}));
  EXPECT_EQ(parse_target("icmp:192.0.2.7"), Target(IcmpTarget{ip("192.0.2.7")}));
  EXPECT_EQ(parse_target("dns:www.example.org/AAAA@192.0.2.53"),
            Target(DnsTarget{"www.example.org", "AAAA", ip("192.0.2.53"), 53}));
}

TEST(Target, DnsHasDefaults) {
  EXPECT_EQ(parse_target("dns:www.example.org"), Target(DnsTarget{"www.example.org", "A", std::nullopt, 53}));
  EXPECT_EQ(parse_target("dns:x/srv"), Target(DnsTarget{"x", "SRV", std::nullopt, 53}));
  EXPECT_EQ(parse_target("dns:x/A@[2001:db8::53]:5353"),
            Target(DnsTarget{"x", "A", ip("2001:db8::53"), 5353}));
  EXPECT_EQ(parse_target("dns:0/26.2.0.192.in-addr.arpa/PTR"),
            Target(DnsTarget{"0/26.2.0.192.in-addr.arpa", "PTR", std::nullopt, 53}));
}

TEST(Target, TextParsesBack) {
  for (const char* text :
       {"192.0.2.7:80", "[2001:db8::7]:80", "pod/default/web-0:8080", "pod/default/web-0",
        "node/node-1:30080", "node/node-1", "outside/www:80", "svc/default/web:80", "svc/default/web:http",
        "http://web:8080/x", "web.shop:80", "icmp:web", "icmp:2001:db8::7",
        "dns:www.example.org/AAAA@192.0.2.53", "dns:x/A@[2001:db8::53]:5353", "dns:x/A"}) {
    EXPECT_EQ(to_string(parse_target(text)), text);
  }
}

TEST(Target, BadOnesSayWhatIsWrongAndHowToMendIt) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "it is empty"},
      {"web", "neither an address, a name with a port nor a known kind of target"},
      {"192.0.2:80", "neither an address"},
      {"a..b:80", "neither an address"},
      {"web.shop:http", "port \"http\" is not"},
      {"192.0.2.7", "the port is missing"},
      {"192.0.2.7:0", "port \"0\" is not a number from 1 to 65535"},
      {"192.0.2.7:99999", "port \"99999\" is not"},
      {"[2001:db8::7", "the bracket is not closed"},
      {"[2001:db8::7]x", "something other than a port"},
      {"pod/web", "the namespace is missing"},
      {"pod/default/Web", "\"Web\" is no pod name"},
      {"pod//web", "\"\" is no namespace"},
      {"pod/a.b/web", "\"a.b\" is no namespace"},
      {"pod/default/web:http", "port \"http\" is not a number"},
      {"svc/default/web", "the port is missing"},
      {"svc/web:80", "the namespace is missing"},
      {"pod/default/a/b", "\"a/b\" is no pod name"},
      {"node/", "\"\" is no node name"},
      {"node/a/b", "\"a/b\" is no node name"},
      {"outside/", "\"\" is no outside host"},
      {"icmp:web:80", "no address or name after icmp:"},
      {"icmp:192.0.2", "no address or name after icmp:"},
      {"dns:", "the name to look up is missing"},
      {"dns:/A", "the name to look up is missing"},
      {"dns:x/A@web", "the server is no address"},
      {"dns:x/A B", "is no record type"},
      {"http://", "the host is missing"},
  };
  for (const auto& [text, cause] : cases) {
    try {
      parse_target(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::InvalidInput) << text;
      EXPECT_NE(error.message().find(cause), std::string::npos) << error.message();
      EXPECT_FALSE(error.hint().empty()) << text;
    }
  }
}

}  // namespace
}  // namespace labctl::protocol
