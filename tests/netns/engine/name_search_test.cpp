// Names: the questions of a resolver in turn, and probes of what a name stands for.

#include "tests/netns/engine/fake_server.hpp"
#include "tests/netns/engine/three_spaces.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>

namespace labctl::engine {
namespace {

using probes::Outcome;
using protocol::ProbeProtocol;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

// "name./type" of a query without compression.
std::string asked_for(const std::string& query) {
  std::string text;
  std::size_t at = 12;
  while (at < query.size() && query[at] != '\0') {
    const auto length = static_cast<unsigned char>(query[at]);
    text += query.substr(at + 1, length) + ".";
    at += 1 + length;
  }
  return text + "/" + std::to_string(static_cast<unsigned char>(query[at + 2]));
}

// The query made a reply with a response code and, where there is one, the address 10.0.2.2.
std::string answer(std::string query, unsigned rcode, bool with_address) {
  query[2] = static_cast<char>(0x85);
  query[3] = static_cast<char>(0x80 | rcode);
  if (with_address) {
    query[7] = 1;
    query += std::string("\xc0\x0c\0\1\0\1\0\0\0\5\0\4\12\0\2\2", 16);
  }
  return query;
}

class NameSearch : public testing::Test {
 protected:
  // A DNS server that says NXDOMAIN but for the names given: "address", "nodata", "servfail", "silent".
  FakeServer serve(const std::map<std::string, std::string>& names) {
    return FakeServer::udp(
        spaces_.server.netns_fd,
        [names](const std::string& query) {
          const auto found = names.find(asked_for(query));
          const std::string what = found == names.end() ? "nxdomain" : found->second;
          if (what == "silent") {
            return std::string();
          }
          return answer(query, what == "nxdomain" ? 3 : what == "servfail" ? 2 : 0, what == "address");
        },
        53);
  }

  Probe search(const std::vector<std::string>& names, const std::vector<const char*>& servers = {"10.0.2.2"},
               const std::vector<const char*>& types = {"A"}) const {
    auto search = std::make_shared<DnsSearch>();
    for (const std::string& name : names) {
      for (const char* type : types) {
        protocol::DnsQuestion question;
        question.name = name;
        question.type = type;
        question.edns = false;
        search->candidates.push_back(question);
      }
    }
    for (const char* server : servers) {
      search->servers.push_back(*IpAddress::parse(server));
    }
    Probe probe = spaces_.probe("0.0.0.0", 0);
    probe.protocol = ProbeProtocol::Dns;
    probe.dns_search = search;
    return probe;
  }

  ThreeSpaces spaces_;
  Engine engine_{nullptr};
};

std::vector<std::string> names_of(const Found& found) {
  std::vector<std::string> names;
  for (const DnsQuery& query : found.dns_queries) {
    names.push_back(query.name + " " + query.type + " " + to_string(query.server) + " " + query.rcode);
  }
  return names;
}

TEST_F(NameSearch, AsksUntilANameExists) {
  const FakeServer server = serve({{"web.svc.cluster.local./1", "address"}});
  const Found found =
      run_one(engine_, search({"web.shop.svc.cluster.local.", "web.svc.cluster.local.", "web."}));
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  EXPECT_EQ(found.reason, "");
  EXPECT_EQ(found.tries, 1u);
  EXPECT_THAT(names_of(found), ElementsAre("web.shop.svc.cluster.local. A 10.0.2.2 NXDOMAIN",
                                           "web.svc.cluster.local. A 10.0.2.2 NOERROR"));
  EXPECT_EQ(found.dns_queries[0].outcome, Outcome::DnsNxdomain);
  EXPECT_EQ(found.dns_queries[1].outcome, Outcome::Ok);
  EXPECT_GT(found.dns_queries[0].rtt_us, 0u);
  EXPECT_THAT(found.dns.answer, ElementsAre("web.svc.cluster.local. 5 IN A 10.0.2.2"));
}

TEST_F(NameSearch, NoNameAtAllIsNxdomain) {
  const FakeServer server = serve({});
  const Found found = run_one(engine_, search({"a.b.", "a."}));
  EXPECT_EQ(found.outcome, Outcome::DnsNxdomain);
  EXPECT_EQ(found.reason, "a. does not exist (2 questions of the search were asked)");
  EXPECT_EQ(found.dns.rcode, "NXDOMAIN");
  EXPECT_EQ(found.dns_queries.size(), 2u);
}

TEST_F(NameSearch, NodataOfAnyNameSaysMoreThanNxdomainOfTheRest) {
  const FakeServer server = serve({{"a.b./1", "nodata"}});
  const Found found = run_one(engine_, search({"a.b.c.", "a.b.", "a."}));
  EXPECT_EQ(found.outcome, Outcome::DnsNodata);
  EXPECT_EQ(found.dns.rcode, "NOERROR");
  EXPECT_THAT(found.reason, HasSubstr("a.b. has no A record"));
  EXPECT_EQ(found.dns_queries.size(), 3u);
}

TEST_F(NameSearch, AServerThatCannotBeReachedIsFollowedByTheNext) {
  const FakeServer server = serve({{"b./1", "address"}});
  const Found found = run_one(engine_, search({"a.", "b."}, {"10.0.7.1", "10.0.3.1", "10.0.2.2"}));
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  EXPECT_THAT(names_of(found), ElementsAre("a. A 10.0.7.1 ", "a. A 10.0.3.1 ", "a. A 10.0.2.2 NXDOMAIN",
                                           "b. A 10.0.7.1 ", "b. A 10.0.3.1 ", "b. A 10.0.2.2 NOERROR"));
  EXPECT_EQ(found.dns_queries[0].outcome, Outcome::Unreachable);
  EXPECT_EQ(found.dns_queries[1].outcome, Outcome::Prohibited);
}

TEST_F(NameSearch, ASilentServerLeavesTimeForTheNext) {
  const FakeServer server = serve({{"a./1", "address"}});
  Probe probe = search({"a."}, {"10.0.5.1", "10.0.2.2"});
  probe.timeout = milliseconds(600);
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  ASSERT_EQ(found.dns_queries.size(), 2u);
  EXPECT_EQ(found.dns_queries[0].outcome, Outcome::Timeout);
  EXPECT_GE(found.dns_queries[0].rtt_us, 290'000u);
  EXPECT_GE(found.rtt_us_max, 290'000u);  // of the whole search
}

TEST_F(NameSearch, OnlySilenceIsATimeoutOfTheTry) {
  Probe probe = search({"a.", "b."}, {"10.0.5.1", "10.0.5.2"});
  probe.timeout = milliseconds(200);
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::Timeout);
  // Of what was left of the try when it was asked.
  EXPECT_TRUE(found.reason.starts_with("a. at 10.0.5.2: no reply within ")) << found.reason;
  EXPECT_EQ(found.dns_queries.size(), 2u);
}

TEST_F(NameSearch, AnErrorOfTheLastServerEndsTheSearch) {
  const FakeServer server = serve({{"a./1", "servfail"}, {"b./1", "address"}});
  const Found found = run_one(engine_, search({"a.", "b."}, {"10.0.2.2", "10.0.2.2"}));
  EXPECT_EQ(found.outcome, Outcome::DnsError);
  EXPECT_EQ(found.reason, "a. at 10.0.2.2: the server answered SERVFAIL");
  EXPECT_EQ(found.dns.rcode, "SERVFAIL");
  EXPECT_EQ(found.dns_queries.size(), 2u);
}

TEST_F(NameSearch, WithoutServersOrQuestionsThereIsNothingToAsk) {
  const Found found = run_one(engine_, search({"a."}, {}));
  EXPECT_EQ(found.outcome, Outcome::DnsError);
  EXPECT_EQ(found.reason, "resolv.conf names no server");
  EXPECT_TRUE(found.dns_queries.empty());
  EXPECT_EQ(run_one(engine_, search({})).outcome, Outcome::Inconclusive);
}

TEST_F(NameSearch, EachTryBeginsAnew) {
  const FakeServer server = serve({{"b./1", "address"}});
  Probe probe = search({"a.", "b."});
  probe.count = 3;
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcomes[Outcome::Ok], 3u);
  EXPECT_EQ(found.dns_queries.size(), 2u);
}

TEST_F(NameSearch, ManyAtOnceEachGetTheirAnswer) {
  const FakeServer server = serve({{"web.a.b./1", "address"}});
  const std::vector<Probe> probes(500, search({"web.x.", "web.a.b."}));
  for (const Found& found : run_all(engine_, probes)) {
    ASSERT_EQ(found.outcome, Outcome::Ok) << found.reason;
    ASSERT_EQ(found.dns_queries.size(), 2u);
  }
}

TEST_F(NameSearch, QuestionsOverTcpAreAskedTheSameWay) {
  const FakeServer server = FakeServer::tcp(
      spaces_.server.netns_fd,
      [](int fd) {
        const std::string query = read_until(fd, std::string("\0\1\0\1", 4)).substr(2);
        const bool exists = asked_for(query) == "b./1";
        const std::string reply = answer(query, exists ? 0 : 3, exists);
        write_all(fd, std::string(1, '\0') + static_cast<char>(reply.size()) + reply);
      },
      53);
  Probe probe = search({"a.", "b."});
  auto over_tcp = std::make_shared<DnsSearch>(*probe.dns_search);
  for (protocol::DnsQuestion& question : over_tcp->candidates) {
    question.tcp = true;
  }
  probe.dns_search = over_tcp;
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  ASSERT_EQ(found.dns_queries.size(), 2u);
  EXPECT_TRUE(found.dns_queries[1].tcp);
}

TEST_F(NameSearch, APlainQuestionIsNotedToo) {
  const FakeServer server = serve({{"a./1", "address"}});
  Probe probe = spaces_.probe("10.0.2.2", 53);
  probe.protocol = ProbeProtocol::Dns;
  auto question = std::make_shared<protocol::DnsQuestion>();
  question->name = "a.";
  probe.dns = question;
  EXPECT_THAT(names_of(run_one(engine_, probe)), ElementsAre("a. A 10.0.2.2 NOERROR"));
}

// ---- Probes of names ----------------------------------------------------------------------------

TEST_F(NameSearch, AnHttpProbeGoesToWhatTheNameStandsFor) {
  const FakeServer server = serve({{"web.shop./1", "address"}});
  std::string seen;
  {
    const FakeServer web = FakeServer::tcp(spaces_.server.netns_fd, [&](int fd) {
      seen = read_until(fd, "\r\n\r\n");
      write_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    });
    Probe probe = search({"web.default.", "web.shop."}, {"10.0.2.2"}, {"AAAA", "A"});
    probe.protocol = ProbeProtocol::Http;
    probe.port = web.port();
    protocol::HttpRequest request;
    request.host = "web.shop";
    probe.http = std::make_shared<protocol::HttpRequest>(request);
    probe.source_port = 40'123;
    const Found found = run_one(engine_, probe);
    EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
    EXPECT_EQ(found.http.body, "hi");
    EXPECT_EQ(to_string(found.address), "10.0.2.2");
    EXPECT_EQ(found.dns_queries.size(), 4u);
  }
  EXPECT_THAT(seen, HasSubstr("Host: web.shop\r\n"));
}

TEST_F(NameSearch, OtherProtocolsDoSoToo) {
  const FakeServer server = serve({{"a./1", "address"}});
  const FakeServer web = FakeServer::tcp(spaces_.server.netns_fd, [](int) {});
  const FakeServer echo =
      FakeServer::udp(spaces_.server.netns_fd, [](const std::string& text) { return text; });
  Probe probe = search({"a."});
  probe.protocol = ProbeProtocol::Tcp;
  probe.port = web.port();
  EXPECT_EQ(run_one(engine_, probe).outcome, Outcome::Ok);
  probe.port = 1;
  EXPECT_EQ(run_one(engine_, probe).outcome, Outcome::Refused);
  probe.protocol = ProbeProtocol::Udp;
  probe.port = echo.port();
  EXPECT_EQ(run_one(engine_, probe).outcome, Outcome::Ok);
  probe.protocol = ProbeProtocol::Icmp;
  probe.port = 0;
  EXPECT_EQ(run_one(engine_, probe).outcome, Outcome::Ok);
}

TEST_F(NameSearch, AnAbsentNameIsTheOutcomeOfTheProbe) {
  const FakeServer server = serve({});
  Probe probe = search({"a."});
  probe.protocol = ProbeProtocol::Tcp;
  probe.port = 80;
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::DnsNxdomain);
  EXPECT_EQ(found.dns_queries.size(), 1u);
}

TEST_F(NameSearch, RetryAsksForTheNameAgain) {
  std::atomic<int> queries{0};
  const FakeServer server = FakeServer::udp(
      spaces_.server.netns_fd,
      [&](const std::string& query) {
        const bool exists = ++queries > 2;
        return answer(query, exists ? 0 : 3, exists);
      },
      53);
  const FakeServer web = FakeServer::tcp(spaces_.server.netns_fd, [](int) {});
  Probe probe = search({"a."});
  probe.protocol = ProbeProtocol::Tcp;
  probe.port = web.port();
  probe.retry_within = std::chrono::seconds(10);
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  EXPECT_EQ(found.tries, 3u);
}

TEST_F(NameSearch, TheConnectionGetsWhatTimeIsLeft) {
  const FakeServer server = FakeServer::udp(
      spaces_.server.netns_fd,
      [](const std::string& query) {
        std::string reply = answer(query, 0, true);
        reply[reply.size() - 2] = 5;  // 10.0.5.2, which drops in silence
        return reply;
      },
      53);
  Probe probe = search({"a."});
  probe.protocol = ProbeProtocol::Tcp;
  probe.port = 80;
  probe.timeout = milliseconds(150);
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::Timeout);
  EXPECT_EQ(found.reason, "no answer within 150ms");
  EXPECT_EQ(to_string(found.address), "10.0.5.2");
}

}  // namespace
}  // namespace labctl::engine
