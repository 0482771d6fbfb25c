#include "labctl/probing/resolve_probe.hpp"

#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>

namespace labctl::probing {
namespace {

using nlohmann::json;
using protocol::ProbeProtocol;
using testing::ElementsAre;
using testing::HasSubstr;

IpAddress address(const char* text) { return *IpAddress::parse(text); }

// A pod with a resolver, one with none, and one of both families. Any descriptor does for a namespace.
class ResolveProbe : public testing::Test {
 protected:
  ResolveProbe() {
    const auto resolver = std::make_shared<Resolver>(
        Resolver{{address("10.96.0.10"), address("10.96.0.11")}, {"shop.svc.cluster.local"}, 5});
    add("pod/shop/a", {"10.244.1.2"}, resolver);
    add("pod/shop/both", {"fd00:244::2", "10.244.1.3"}, resolver);
    add("pod/shop/mute", {"10.244.1.4"}, nullptr);
    add("pod/shop/empty", {"10.244.1.5"}, std::make_shared<Resolver>());
  }
  void add(const char* id, const std::vector<const char*>& addresses,
           const std::shared_ptr<const Resolver>& resolver) {
    Place place;
    place.id = id;
    place.netns = netns_;
    place.resolver = resolver;
    for (const char* text : addresses) {
      place.addresses.push_back(address(text));
    }
    table_.add(std::make_shared<const Place>(std::move(place)));
  }
  engine::Probe probe(const char* text) const {
    return resolve_probe(api::parse_probe(json::parse(text)), table_);
  }
  std::string error_of(const char* text) const {
    try {
      probe(text);
    } catch (const Error& error) {
      return error.message();
    }
    return "no error";
  }

  std::shared_ptr<const UniqueFd> netns_ =
      std::make_shared<const UniqueFd>(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  VantageTable table_;
};

std::vector<std::string> asked(const engine::Probe& probe) {
  std::vector<std::string> questions;
  for (const protocol::DnsQuestion& question : probe.dns_search->candidates) {
    questions.push_back(question.name + "/" + question.type);
  }
  return questions;
}

TEST_F(ResolveProbe, ANameIsLookedUpAsThePlaceDoes) {
  const engine::Probe found = probe(R"({"from": "pod/shop/a", "to": "dns:web"})");
  EXPECT_EQ(found.protocol, ProbeProtocol::Dns);
  ASSERT_TRUE(found.dns_search);
  EXPECT_THAT(asked(found), ElementsAre("web.shop.svc.cluster.local/A", "web/A"));
  EXPECT_THAT(found.dns_search->servers, ElementsAre(address("10.96.0.10"), address("10.96.0.11")));
}

TEST_F(ResolveProbe, AServerThatIsNamedIsAskedJustThat) {
  const engine::Probe found = probe(R"({"from": "pod/shop/mute", "to": "dns:web/SRV@10.0.0.1:5353"})");
  EXPECT_FALSE(found.dns_search);
  ASSERT_TRUE(found.dns);
  EXPECT_EQ(found.dns->name, "web");
  EXPECT_EQ(found.dns->type, "SRV");
  EXPECT_EQ(found.address, address("10.0.0.1"));
  EXPECT_EQ(found.port, 5353);
}

TEST_F(ResolveProbe, AnAddressIsAskedForByItsReverseName) {
  EXPECT_EQ(probe(R"({"from": "pod/shop/a", "to": "dns:10.96.0.10/PTR@10.0.0.1"})").dns->name,
            "10.0.96.10.in-addr.arpa.");
  EXPECT_THAT(asked(probe(R"({"from": "pod/shop/a", "to": "dns:fd00::a/PTR"})")),
              ElementsAre("a."
                          "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa./PTR"));
}

TEST_F(ResolveProbe, TheQuestionCanBeSaidApart) {
  const engine::Probe found = probe(R"({"from": "pod/shop/a", "dns": {"name": "web", "type": "aaaa",
      "server": "10.0.0.1", "tcp": true, "recurse": false, "edns": false}})");
  EXPECT_EQ(found.dns->name, "web");
  EXPECT_EQ(found.dns->type, "AAAA");
  EXPECT_TRUE(found.dns->tcp);
  EXPECT_FALSE(found.dns->recurse);
  EXPECT_FALSE(found.dns->edns);
  EXPECT_EQ(found.address, address("10.0.0.1"));
  const engine::Probe searching = probe(R"({"from": "pod/shop/a", "to": "dns:web", "dns": {"tcp": true}})");
  for (const auto& question : searching.dns_search->candidates) {
    EXPECT_TRUE(question.tcp);
    EXPECT_TRUE(question.edns);
  }
}

TEST_F(ResolveProbe, AnyTargetCanBeTheServer) {
  const engine::Probe found =
      probe(R"({"from": "pod/shop/a", "to": "pod/shop/mute", "proto": "dns", "dns": {"name": "web"}})");
  EXPECT_EQ(found.address, address("10.244.1.4"));
  EXPECT_EQ(found.port, 53);
  EXPECT_EQ(found.dns->name, "web");
}

TEST_F(ResolveProbe, NamesInUrlsAndTargetsAreLookedUp) {
  const engine::Probe url = probe(R"({"from": "pod/shop/both", "to": "http://web:8080/x"})");
  EXPECT_EQ(url.protocol, ProbeProtocol::Http);
  EXPECT_EQ(url.port, 8080);
  EXPECT_EQ(url.http->host, "web:8080");
  EXPECT_THAT(asked(url), ElementsAre("web.shop.svc.cluster.local/AAAA", "web.shop.svc.cluster.local/A",
                                      "web/AAAA", "web/A"));
  const engine::Probe name = probe(R"({"from": "pod/shop/a", "to": "web:80", "proto": "udp"})");
  EXPECT_EQ(name.protocol, ProbeProtocol::Udp);
  EXPECT_EQ(name.port, 80);
  EXPECT_THAT(asked(name), ElementsAre("web.shop.svc.cluster.local/A", "web/A"));
  EXPECT_EQ(probe(R"({"from": "pod/shop/a", "to": "icmp:web"})").protocol, ProbeProtocol::Icmp);
}

TEST_F(ResolveProbe, WithoutAServerItSaysHowToGetOne) {
  for (const char* from : {"mute", "empty"}) {
    for (const char* to : {"dns:web", "http://web/", "web:80"}) {
      const json request{{"from", std::string("pod/shop/") + from}, {"to", to}};
      try {
        resolve_probe(api::parse_probe(request), table_);
        ADD_FAILURE() << request;
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::Unsupported);
        EXPECT_THAT(error.message(), HasSubstr("has no DNS server to ask"));
        EXPECT_THAT(error.hint(), HasSubstr("dns: {enabled: true}"));
      }
    }
  }
}

TEST_F(ResolveProbe, WhatIsSaidTwiceOrNotAtAllIsRefused) {
  EXPECT_THAT(error_of(R"({"from": "pod/shop/a", "to": "dns:web", "dns": {"name": "web"}})"),
              HasSubstr("says the name"));
  EXPECT_THAT(error_of(R"({"from": "pod/shop/a", "to": "dns:web", "dns": {"type": "A"}})"),
              HasSubstr("says the name"));
  EXPECT_THAT(error_of(R"({"from": "pod/shop/a", "to": "dns:web", "dns": {"server": "10.0.0.1"}})"),
              HasSubstr("names the server"));
  EXPECT_THAT(error_of(R"({"from": "pod/shop/a", "to": "10.0.0.1:53", "proto": "dns"})"),
              HasSubstr("a name to ask for is required"));
  EXPECT_THAT(error_of(R"({"from": "pod/shop/a", "to": "web:53", "proto": "dns", "dns": {"name": "a"}})"),
              HasSubstr("named by its address"));
  EXPECT_THAT(error_of(R"({"from": "pod/shop/a", "dns": {"tcp": true}})"), HasSubstr("to: is required"));
  EXPECT_THAT(error_of(R"({"from": "pod/shop/a", "to": "dns:web", "dns": {"tpc": true}})"),
              HasSubstr("dns.tpc: true: no such field, but tcp"));
  EXPECT_THAT(error_of(R"({"from": "pod/shop/a", "to": "dns:web", "dns": 1})"), HasSubstr("an object"));
  EXPECT_THAT(error_of(R"({"from": "pod/shop/a", "to": "dns:a..b@10.0.0.1"})"), HasSubstr("no domain name"));
}

}  // namespace
}  // namespace labctl::probing
