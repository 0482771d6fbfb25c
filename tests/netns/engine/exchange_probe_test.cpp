// HTTP and DNS probes.

#include "probes/protocol/dns.hpp"
#include "tests/netns/engine/fake_server.hpp"
#include "tests/netns/engine/three_spaces.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>

namespace labctl::engine {
namespace {

using probes::Outcome;
using protocol::ProbeProtocol;
using std::chrono::milliseconds;

class ExchangeProbe : public testing::Test {
 protected:
  Probe http(std::uint16_t port, const protocol::HttpRequest& request = {}) const {
    Probe probe = spaces_.probe("10.0.2.2", port);
    probe.protocol = ProbeProtocol::Http;
    probe.http = std::make_shared<protocol::HttpRequest>(request);
    return probe;
  }
  Probe dns(std::uint16_t port, bool tcp = false) const {
    Probe probe = spaces_.probe("10.0.2.2", port);
    probe.protocol = ProbeProtocol::Dns;
    auto question = std::make_shared<protocol::DnsQuestion>();
    question->name = "www.example.org";
    question->tcp = tcp;
    question->edns = false;
    probe.dns = question;
    return probe;
  }
  FakeServer http_server(const std::string& reply) const {
    return FakeServer::tcp(spaces_.server.netns_fd, [reply](int fd) {
      read_until(fd, "\r\n\r\n");
      write_all(fd, reply);
    });
  }

  ThreeSpaces spaces_;
  Engine engine_{nullptr};
};

// The query made a reply with these flags and, if any, one address.
std::string dns_reply(std::string message, unsigned flags, bool with_address) {
  message[2] = static_cast<char>(flags >> 8);
  message[3] = static_cast<char>(flags & 0xff);
  if (with_address) {
    message[7] = 1;
    message += std::string("\xc0\x0c\0\1\0\1\0\0\0\5\0\4\xc0\0\2\7", 16);
  }
  return message;
}

TEST_F(ExchangeProbe, AReplyIsOkAndKept) {
  const FakeServer server = http_server("HTTP/1.1 200 OK\r\nX-Who: me\r\nContent-Length: 5\r\n\r\nhello");
  const Found found = run_one(engine_, http(server.port()));
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  EXPECT_EQ(found.http.status, 200);
  EXPECT_EQ(found.http.body, "hello");
  EXPECT_EQ(*found.http.find_header("x-who"), "me");
}

TEST_F(ExchangeProbe, TheRequestIsTheOneAskedFor) {
  std::string seen;
  {
    const FakeServer server = FakeServer::tcp(spaces_.server.netns_fd, [&](int fd) {
      seen = read_until(fd, "xyz");
      write_all(fd, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    });
    protocol::HttpRequest request;
    request.method = "POST";
    request.path = "/upload?a=1";
    request.body = "xyz";
    EXPECT_EQ(run_one(engine_, http(server.port(), request)).outcome, Outcome::Ok);
    EXPECT_TRUE(seen.starts_with(
        "POST /upload?a=1 HTTP/1.1\r\nHost: 10.0.2.2:" + std::to_string(server.port()) + "\r\n"))
        << seen;
  }
  EXPECT_TRUE(seen.ends_with("Content-Length: 3\r\n\r\nxyz")) << seen;
}

TEST_F(ExchangeProbe, ABodyLargerThanTheSocketsBuffersIsSentWhole) {
  std::size_t size = 0;
  const FakeServer server = FakeServer::tcp(spaces_.server.netns_fd, [&](int fd) {
    size = read_until(fd, "END").size();
    write_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  protocol::HttpRequest request;
  request.method = "PUT";
  request.body = std::string(512 * 1024, 'x') + "END";
  Probe probe = http(server.port(), request);
  probe.timeout = std::chrono::seconds(20);
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  EXPECT_GT(size, 512u * 1024);
}

TEST_F(ExchangeProbe, AnotherStatusThanWantedIsItsOwnOutcome) {
  const FakeServer server = http_server("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
  const Found found = run_one(engine_, http(server.port()));
  EXPECT_EQ(found.outcome, Outcome::HttpStatus);
  EXPECT_EQ(found.reason, "HTTP status 503 Service Unavailable");
  protocol::HttpRequest request;
  request.expect_status = 503;
  EXPECT_EQ(run_one(engine_, http(server.port(), request)).outcome, Outcome::Ok);
}

TEST_F(ExchangeProbe, AnotherProtocolIsAWrongAnswer) {
  const FakeServer server = http_server("SSH-2.0-OpenSSH\r\n");
  const Found found = run_one(engine_, http(server.port()));
  EXPECT_EQ(found.outcome, Outcome::WrongAnswer);
  EXPECT_EQ(found.reason, "the reply is not HTTP/1.1");
}

TEST_F(ExchangeProbe, AResetInsteadOfAReplyIsReset) {
  const FakeServer server = FakeServer::tcp(spaces_.server.netns_fd, [](int fd) {
    read_until(fd, "\r\n\r\n");
    reset_on_close(fd);
  });
  EXPECT_EQ(run_one(engine_, http(server.port())).outcome, Outcome::Reset);
}

TEST_F(ExchangeProbe, AServerThatSaysNothingIsATimeout) {
  const FakeServer server =
      FakeServer::tcp(spaces_.server.netns_fd, [](int fd) { read_until(fd, "never comes"); });
  Probe probe = http(server.port());
  probe.timeout = milliseconds(150);
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::Timeout);
  EXPECT_EQ(found.reason, "connected, but no full reply within 150ms");
}

TEST_F(ExchangeProbe, HttpsSaysThatItIsNotSpoken) {
  Probe probe = http(443);
  probe.tls = true;
  const Found found = run_one(engine_, probe);
  EXPECT_EQ(found.outcome, Outcome::Inconclusive);
  EXPECT_EQ(found.reason, "https probes need TLS, which this version does not speak");
}

TEST_F(ExchangeProbe, ARequestThatCannotBeSentIsInconclusive) {
  protocol::HttpRequest request;
  request.path = "/a b";
  EXPECT_EQ(run_one(engine_, http(80, request)).outcome, Outcome::Inconclusive);
}

TEST_F(ExchangeProbe, AnAddressInTheAnswerIsOk) {
  const FakeServer server = FakeServer::udp(
      spaces_.server.netns_fd, [](const std::string& query) { return dns_reply(query, 0x8580, true); });
  const Found found = run_one(engine_, dns(server.port()));
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  EXPECT_EQ(found.dns.rcode, "NOERROR");
  EXPECT_THAT(found.dns.answer, testing::ElementsAre("www.example.org. 5 IN A 192.0.2.7"));
}

TEST_F(ExchangeProbe, NxdomainAndNodataAreTheirOwnOutcomes) {
  const FakeServer none = FakeServer::udp(
      spaces_.server.netns_fd, [](const std::string& query) { return dns_reply(query, 0x8583, false); });
  EXPECT_EQ(run_one(engine_, dns(none.port())).outcome, Outcome::DnsNxdomain);
  const FakeServer empty = FakeServer::udp(
      spaces_.server.netns_fd, [](const std::string& query) { return dns_reply(query, 0x8580, false); });
  EXPECT_EQ(run_one(engine_, dns(empty.port())).outcome, Outcome::DnsNodata);
}

TEST_F(ExchangeProbe, ForgedRepliesArePassedOver) {
  const FakeServer server = FakeServer::udp(spaces_.server.netns_fd, [](const std::string& query) {
    std::string other = dns_reply(query, 0x8580, true);
    other[0] = static_cast<char>(other[0] ^ 1);
    return other;
  });
  Probe probe = dns(server.port());
  probe.timeout = milliseconds(150);
  EXPECT_EQ(run_one(engine_, probe).outcome, Outcome::Timeout);
}

TEST_F(ExchangeProbe, GarbageUnderOurIdIsADnsError) {
  const FakeServer server = FakeServer::udp(
      spaces_.server.netns_fd, [](const std::string& query) { return query.substr(0, 2) + "\x81"; });
  EXPECT_EQ(run_one(engine_, dns(server.port())).outcome, Outcome::DnsError);
}

TEST_F(ExchangeProbe, ATruncatedReplyIsAskedForAgainOverTcp) {
  const FakeServer datagrams = FakeServer::udp(
      spaces_.server.netns_fd, [](const std::string& query) { return dns_reply(query, 0x8380, false); });
  const FakeServer streams = FakeServer::tcp(
      spaces_.server.netns_fd,
      [](int fd) {
        const std::string query = read_until(fd, std::string("\0\1\0\1", 4));
        const std::string reply = dns_reply(query.substr(2), 0x8580, true);
        // In two pieces, the length cut in the middle.
        write_all(fd, std::string(1, '\0'));
        write_all(fd, static_cast<char>(reply.size()) + reply);
      },
      datagrams.port());
  const Found found = run_one(engine_, dns(datagrams.port()));
  EXPECT_EQ(found.outcome, Outcome::Ok) << found.reason;
  EXPECT_EQ(found.tries, 1u);
  EXPECT_EQ(found.dns.answer.size(), 1u);
}

TEST_F(ExchangeProbe, TcpThatClosesEarlyIsADnsError) {
  const FakeServer server = FakeServer::tcp(spaces_.server.netns_fd, [](int fd) {
    read_until(fd, std::string("\0\1\0\1", 4));
    write_all(fd, std::string("\0\x30xx", 4));
  });
  EXPECT_EQ(run_one(engine_, dns(server.port(), true)).outcome, Outcome::DnsError);
}

TEST_F(ExchangeProbe, NoDnsServerIsRefused) {
  const Found found = run_one(engine_, dns(53));
  EXPECT_EQ(found.outcome, Outcome::Refused);
  EXPECT_EQ(found.reason, "10.0.2.2 answers: port unreachable (ICMP type 3 code 3)");
  EXPECT_EQ(run_one(engine_, dns(53, true)).outcome, Outcome::Refused);
}

TEST_F(ExchangeProbe, ABadQuestionIsInconclusive) {
  Probe probe = dns(53);
  auto question = std::make_shared<protocol::DnsQuestion>();
  question->name = "a..b";
  probe.dns = question;
  EXPECT_EQ(run_one(engine_, probe).outcome, Outcome::Inconclusive);
  probe.dns = nullptr;
  EXPECT_EQ(run_one(engine_, probe).outcome, Outcome::Inconclusive);
}

}  // namespace
}  // namespace labctl::engine
