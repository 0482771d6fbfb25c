#include "labctl/probing/dns_lookup.hpp"

#include "tests/netns/engine/fake_server.hpp"
#include "tests/netns/engine/three_spaces.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>

#include <mutex>
#include <set>

namespace labctl::probing {
namespace {

using engine::FakeServer;
using engine::ThreeSpaces;
using nlohmann::json;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr int kA = 1, kCname = 5;

// The type that a query without EDNS or with it asks for, and its name as labels on the wire.
int type_of(const std::string& query) {
  const std::size_t end = query.find('\0', 12);
  return static_cast<unsigned char>(query[end + 2]);
}

// The query as a reply with a response code and at most one record, whose owner is the name asked for.
std::string reply_to(std::string query, int rcode, const std::string& type_and_data = {}) {
  query.resize(query.find('\0', 12) + 5);
  query[2] = static_cast<char>(0x85);
  query[3] = static_cast<char>(0x80 | rcode);
  query[7] = type_and_data.empty() ? 0 : 1;
  query[11] = 0;
  return query + (type_and_data.empty() ? "" : "\xc0\x0c" + type_and_data);
}

const std::string kAddress("\0\1\0\1\0\0\0\5\0\4\12\140\0\7", 14);  // 5 IN A 10.96.0.7
const std::string kAlias("\0\5\0\1\0\0\0\5\0\5\3www\0", 15);        // 5 IN CNAME www.

class DnsLookup : public testing::Test {
 protected:
  DnsLookup() {
    Place node;
    node.kind = PlaceKind::Node;
    node.id = "node/node-1";
    node.addresses = spaces_.client.addresses;
    node.netns = std::make_shared<const UniqueFd>(::fcntl(spaces_.client.netns_fd, F_DUPFD_CLOEXEC, 0));
    table_.add(std::make_shared<const Place>(std::move(node)));
  }
  FakeServer serve(const std::function<std::string(const std::string&)>& answer) {
    return FakeServer::udp(spaces_.server.netns_fd, answer, 53);
  }
  json look_up(const std::string& name) const {
    return look_up_dns(engine_, table_, {{*IpAddress::parse("10.0.2.2")}, {"lab"}, 5}, "shop", name);
  }

  ThreeSpaces spaces_;
  engine::Engine engine_{nullptr};
  VantageTable table_;
};

TEST_F(DnsLookup, AsksForEveryTypeAndListsEachRecordOnce) {
  std::mutex mutex;
  std::set<int> types;
  const FakeServer server = serve([&](const std::string& query) {
    const std::lock_guard lock(mutex);
    types.insert(type_of(query));
    const bool has_alias = type_of(query) == kA || type_of(query) == kCname;
    return reply_to(query, 0, has_alias ? kAlias : "");
  });
  const json found = look_up("web");
  EXPECT_EQ(found["outcome"], "ok");
  EXPECT_EQ(found["namespace"], "shop");
  EXPECT_EQ(found["records"],
            json::parse(R"([{"name": "web.lab.", "ttl": 5, "type": "CNAME", "data": "www."}])"));
  EXPECT_FALSE(found.contains("reason"));
  EXPECT_THAT(types, UnorderedElementsAre(1, 28, 5, 33, 16));
}

TEST_F(DnsLookup, AnAddressIsAskedForItsNames) {
  std::mutex mutex;
  std::string asked;
  const FakeServer server = serve([&](const std::string& query) {
    const std::lock_guard lock(mutex);
    asked += query.substr(12, 8);
    return reply_to(query, 3);
  });
  EXPECT_EQ(look_up("10.96.0.7")["queries"][0]["name"], "7.0.96.10.in-addr.arpa.");
  EXPECT_EQ(asked, std::string("\1"
                               "7\1"
                               "0\2"
                               "96\2",
                               8));
}

TEST_F(DnsLookup, WithoutRecordsItSaysMostOfWhatWasAnswered) {
  {
    const FakeServer none = serve([](const std::string& query) { return reply_to(query, 3); });
    const json found = look_up("web");
    EXPECT_EQ(found["outcome"], "dns_nxdomain");
    EXPECT_EQ(found["rcode"], "NXDOMAIN");
    EXPECT_EQ(found["records"], json::array());
    EXPECT_EQ(found["queries"].size(), 10u);
  }
  {
    const FakeServer some =
        serve([](const std::string& query) { return reply_to(query, type_of(query) == 16 ? 0 : 3); });
    EXPECT_EQ(look_up("web")["outcome"], "dns_nodata");
    EXPECT_EQ(look_up("web")["rcode"], "NODATA");
  }
  const FakeServer bad =
      serve([](const std::string& query) { return reply_to(query, type_of(query) == kA ? 2 : 0); });
  const json found = look_up("web");
  EXPECT_EQ(found["rcode"], "SERVFAIL");
  EXPECT_THAT(found["reason"].get<std::string>(), HasSubstr("SERVFAIL"));
}

TEST_F(DnsLookup, ARecordOfOneTypeIsEnough) {
  const FakeServer server = serve([](const std::string& query) {
    return reply_to(query, type_of(query) == kA ? 0 : 2, type_of(query) == kA ? kAddress : "");
  });
  const json found = look_up("web");
  EXPECT_EQ(found["outcome"], "ok");
  EXPECT_EQ(found["records"][0]["data"], "10.96.0.7");
}

TEST_F(DnsLookup, WhatCannotBeAskedIsRefused) {
  EXPECT_THROW(look_up(""), Error);
  EXPECT_THROW(look_up("a..b"), Error);
  EXPECT_THROW(look_up_dns(engine_, table_, {}, "shop", "web"), Error);
  EXPECT_THROW(look_up_dns(engine_, {}, {{*IpAddress::parse("10.0.2.2")}, {}, 5}, "shop", "web"), Error);
}

}  // namespace
}  // namespace labctl::probing
