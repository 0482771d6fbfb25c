// Every path of netexec, asked over real sockets; see network model §18.

#include "tests/netns/server/server_fixture.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <thread>

namespace labctl::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

class Netexec : public BuiltInServer {
 protected:
  void SetUp() override {
    BuiltInServer::SetUp();
    begin();
  }
  void begin() {
    pod_ = add_pod("web-0");
    container_ = start(pod_, {"netexec", "--http-port=80", "--udp-port=81"});
  }
  HttpAnswer get(const std::string& target) { return http_get(netns(pod_), 80, target); }

  PodId pod_ = 0;
  ContainerId container_ = 0;
};

TEST_F(Netexec, PrintsWhatItListensOn) {
  EXPECT_THAT(reports_.lines(container_),
              ElementsAre("Started UDP server on port  81", "Started HTTP server on port 80"));
}

TEST_F(Netexec, RootTellsTheTime) { EXPECT_THAT(get("/").body, StartsWith("NOW: 20")); }

TEST_F(Netexec, UnknownPathIsTheRoot) { EXPECT_THAT(get("/nothing/here").body, StartsWith("NOW: 20")); }

TEST_F(Netexec, HostnameHasNoNewline) {
  EXPECT_EQ(get("/hostname").body, "web-0");
  EXPECT_EQ(get("/hostName").body, "web-0");
}

TEST_F(Netexec, ClientIpIsAddressAndPort) {
  EXPECT_THAT(get("/clientip").body, MatchesRegex("127\\.0\\.0\\.1:[0-9]+"));
}

TEST_F(Netexec, ServerPort) { EXPECT_EQ(get("/serverport").body, "80"); }

TEST_F(Netexec, HeaderIsFoundWithoutCase) { EXPECT_EQ(get("/header?key=x-sign").body, "42"); }

TEST_F(Netexec, HeadersAsJson) { EXPECT_THAT(get("/header").body, HasSubstr(R"("X-Sign":["42"])")); }

TEST_F(Netexec, EchoDecodesAndTakesACode) {
  const auto answer = get("/echo?msg=a%20b%2Bc+d&code=418");
  EXPECT_EQ(answer.status, 418);
  EXPECT_EQ(answer.body, "a b+c d");
}

TEST_F(Netexec, RedirectIs302ByDefault) {
  const auto answer = get("/redirect?location=/echo%3Fmsg=x");
  EXPECT_EQ(answer.status, 302);
  EXPECT_THAT(answer.head, HasSubstr("Location: /echo?msg=x"));
  EXPECT_EQ(get("/redirect?location=/&code=307").status, 307);
}

TEST_F(Netexec, RedirectCannotAddHeaders) {
  EXPECT_THAT(get("/redirect?location=/%0d%0aX-Evil:1").head, ::testing::Not(HasSubstr("\nX-Evil")));
}

TEST_F(Netexec, HealthNeedsTheUdpServer) {
  EXPECT_EQ(get("/healthz").status, 200);
  const PodId other = add_pod("other");
  start(other, {"netexec", "--udp-port=-1"});
  EXPECT_EQ(http_get(netns(other), 8080, "/healthz").status, 412);
}

TEST_F(Netexec, HeadHasALengthAndNoBody) {
  const auto answer =
      http(netns(pod_), 80, "HEAD /hostname HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.head, HasSubstr("Content-Length: 5"));
  EXPECT_EQ(answer.body, "");
}

TEST_F(Netexec, RequestsMayFollowEachOtherOnOneConnection) {
  const UniqueFd fd = tcp_connect(netns(pod_), 80);
  const std::string two =
      "GET /echo?msg=one HTTP/1.1\r\nHost: x\r\n\r\nGET /echo?msg=two HTTP/1.1\r\nHost: x\r\nConnection: "
      "close\r\n\r\n";
  ::send(fd.get(), two.data(), two.size(), 0);
  const std::string all = read_to_end(fd.get());
  EXPECT_LT(all.find("\r\n\r\none"), all.find("\r\n\r\ntwo"));
  EXPECT_NE(all.find("\r\n\r\ntwo"), std::string::npos);
}

TEST_F(Netexec, HalfClosedClientStillGetsItsAnswer) {
  const UniqueFd fd = tcp_connect(netns(pod_), 80);
  const std::string request = "GET /hostname HTTP/1.1\r\nHost: x\r\n\r\n";
  ::send(fd.get(), request.data(), request.size(), 0);
  ::shutdown(fd.get(), SHUT_WR);
  EXPECT_THAT(read_to_end(fd.get()), HasSubstr("web-0"));
}

TEST_F(Netexec, MalformedRequestIsRefused) {
  EXPECT_EQ(http(netns(pod_), 80, "GET\r\n\r\n").status, 400);
  EXPECT_EQ(http(netns(pod_), 80, "GET / HTTP/1.1\r\n\r\n").status, 400);
  EXPECT_EQ(http(netns(pod_), 80, "GET /" + std::string(9000, 'a')).status, 414);
}

TEST_F(Netexec, ProbePathNamesThePodAndTheSource) {
  EXPECT_THAT(get("/labctl/probe").body, MatchesRegex("pod/default/web-0\n127\\.0\\.0\\.1:[0-9]+\n"));
}

TEST_F(Netexec, DialOverHttpAndUdp) {
  EXPECT_EQ(get("/dial?host=127.0.0.1&port=80&request=hostname").body, R"({"responses":["web-0"]})");
  EXPECT_EQ(get("/dial?host=127.0.0.1&port=80&request=echo?msg=%3Ca%3E&protocol=http&tries=2").body,
            R"({"responses":["\u003ca\u003e","\u003ca\u003e"]})");
  EXPECT_EQ(get("/dial?host=127.0.0.1&port=81&protocol=udp&request=hostname&tries=3").body,
            R"({"responses":["web-0","web-0","web-0"]})");
}

TEST_F(Netexec, DialTellsRefusalInGosWords) {
  EXPECT_EQ(
      get("/dial?host=127.0.0.1&port=9&request=hostname").body,
      R"({"errors":["Get \"http://127.0.0.1:9/hostname\": dial tcp 127.0.0.1:9: connect: connection refused"]})");
  EXPECT_THAT(get("/dial?host=127.0.0.1&port=9&request=x&protocol=udp").body,
              HasSubstr("connection refused"));
}

TEST_F(Netexec, DialRefusesBadParameters) {
  EXPECT_EQ(get("/dial?host=127.0.0.1&port=80").status, 400);
  EXPECT_EQ(get("/dial?host=127.0.0.1&port=80&request=x&tries=many").status, 400);
  EXPECT_EQ(get("/dial?host=127.0.0.1&port=80&request=x&protocol=icmp").status, 400);
  EXPECT_EQ(get("/dial?host=127.0.0.1&port=eighty&request=x").status, 400);
  EXPECT_EQ(get("/dial?host=no.such.name&port=80&request=x").status, 400);
}

TEST_F(Netexec, ShellWithoutAnyoneToRunItIsAnError) {
  EXPECT_EQ(get("/shell?cmd=true").body, R"({"error":"this server runs no programs"})");
}

TEST_F(Netexec, ShellAnswersWhatTheOwnerSays) {
  extra_.run_shell = [](ContainerId, const std::string& command,
                        const std::function<void(ShellResult)>& done) {
    std::thread([command, done] { done({"ran " + command + "\n", "exit status 3"}); }).detach();
  };
  make_server();
  begin();
  EXPECT_EQ(get("/shell?cmd=a%26b").body, R"({"error":"exit status 3","output":"ran a\u0026b\n"})");
  const std::string form = "shellCommand=x+y";
  EXPECT_EQ(http(netns(pod_), 80,
                 "POST /shell HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: "
                 "application/x-www-form-urlencoded\r\nContent-Length: " +
                     std::to_string(form.size()) + "\r\n\r\n" + form)
                .body,
            R"({"error":"exit status 3","output":"ran x y\n"})");
}

TEST_F(Netexec, UploadInChunksReachesTheOwner) {
  std::string got;
  extra_.upload = [&](ContainerId, std::string_view content) {
    got = content;
    return std::string("/uploads/upload7");
  };
  make_server();
  begin();
  const std::string content(100'000, 'x');
  const std::string body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n" +
                           content + "\r\n--b--\r\n";
  char size[16];
  std::snprintf(size, sizeof size, "%zx", body.size());
  const auto answer =
      http(netns(pod_), 80,
           "POST /upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n"
           "Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n" +
               std::string(size) + "\r\n" + body + "\r\n0\r\n\r\n");
  EXPECT_THAT(answer.body, HasSubstr("HTTP/1.1 201 Created"));  // after the interim 100
  EXPECT_THAT(answer.body, HasSubstr(R"({"output":"/uploads/upload7"})"));
  EXPECT_EQ(got, content);
}

TEST_F(Netexec, UploadWithoutAFileSaysSo) {
  EXPECT_EQ(get("/upload").body, R"({"error":"Unable to upload file."})");
}

TEST_F(Netexec, ShutdownExitsWithZeroAndClosesThePorts) {
  get("/shutdown");
  EXPECT_EQ(reports_.wait_exit(container_), 0);
  EXPECT_FALSE(tcp_connect(netns(pod_), 80));
}

TEST_F(Netexec, ExitAtOnceHasTheCode) {
  get("/exit?code=7");
  EXPECT_EQ(reports_.wait_exit(container_), 7);
}

TEST_F(Netexec, ExitWithATimeoutLetsConnectionsEnd) {
  const UniqueFd open = tcp_connect(netns(pod_), 80);
  const auto answer = get("/exit?code=3&timeout=5s&wait=20ms");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(reports_.wait_exit(container_), 3);
  EXPECT_TRUE(reports_.wait_line(container_, "Graceful shutdown completed with: <nil>"));
}

TEST_F(Netexec, OverrideServesOnePath) {
  const PodId other = add_pod("other");
  start(other, {"netexec", "--http-override", "/echo?msg=fixed&code=202"});
  const auto answer = http_get(netns(other), 8080, "/hostname");
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.body, "fixed");
}

TEST_F(Netexec, UdpTextProtocol) {
  EXPECT_EQ(udp_ask(netns(pod_), 81, "hostname\n"), "web-0");
  EXPECT_EQ(udp_ask(netns(pod_), 81, "echo Hello you"), "Hello you");
  EXPECT_THAT(udp_ask(netns(pod_), 81, "clientip"), MatchesRegex("127\\.0\\.0\\.1:[0-9]+"));
  EXPECT_EQ(udp_ask(netns(pod_), 81, "what?", std::chrono::milliseconds(100)), "");
  EXPECT_THAT(udp_ask(netns(pod_), 81, "labctl-probe t0k3n"),
              MatchesRegex("labctl-probe t0k3n pod/default/web-0 127\\.0\\.0\\.1:[0-9]+"));
}

TEST_F(Netexec, LogOfAFloodIsBounded) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 200; ++i) {
    get("/hostname");
  }
  const auto took =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin);
  EXPECT_TRUE(reports_.wait_line(container_, "GET /hostname"));
  // Of each second that was touched its share and one line about the rest, and two of the start.
  const auto touched = static_cast<std::size_t>(took.count()) + 2;
  EXPECT_LE(reports_.lines(container_).size(), 2 + touched * (Server::kLogLinesPerSecond + 1));
}

TEST_F(Netexec, StopWithoutDelayEndsAtOnce) {
  server().stop(container_, std::chrono::seconds(30));
  EXPECT_EQ(reports_.wait_exit(container_), 0);
}

TEST_F(Netexec, StopWithoutGraceKills) {
  server().stop(container_, std::chrono::seconds(0));
  EXPECT_EQ(reports_.wait_exit(container_), 137);
}

TEST_F(Netexec, DelayedShutdownStillServesAndIsNotReady) {
  const PodId other = add_pod("other");
  const ContainerId slow = start(other, {"netexec", "--delay-shutdown=1"});
  EXPECT_EQ(http_get(netns(other), 8080, "/readyz").status, 200);
  server().stop(slow, std::chrono::seconds(30));
  EXPECT_EQ(http_get(netns(other), 8080, "/readyz").status, 503);
  EXPECT_FALSE(reports_.has_exited(slow));
  EXPECT_EQ(reports_.wait_exit(slow), 0);
}

TEST_F(Netexec, GraceShorterThanTheDelayKills) {
  const PodId other = add_pod("other");
  const ContainerId slow = start(other, {"netexec", "--delay-shutdown=600"});
  server().stop(slow, std::chrono::milliseconds(20));
  EXPECT_EQ(reports_.wait_exit(slow), 137);
}

TEST_F(Netexec, SecondContainerOnTheSamePortIsToldAsUsersKnowIt) {
  try {
    start(pod_, {"netexec", "--http-port=80", "--udp-port=-1"});
    FAIL() << "no conflict";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Busy);
    EXPECT_EQ(error.message(), "listen tcp :80: bind: address already in use");
  }
  try {
    start(pod_, {"netexec", "--http-port=82", "--udp-port=81"});
    FAIL() << "no conflict";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "listen udp :81: bind: address already in use");
  }
  // Nothing of the failed container stays behind.
  EXPECT_FALSE(tcp_connect(netns(pod_), 82));
}

TEST_F(Netexec, PortIsFreeAgainAfterTheContainerEnded) {
  get("/hostname");
  server().stop(container_, std::chrono::seconds(0));
  EXPECT_EQ(reports_.wait_exit(container_), 137);
  start(pod_, {"netexec", "--http-port=80", "--udp-port=81"});
  EXPECT_EQ(get("/hostname").body, "web-0");
}

TEST_F(Netexec, DualStackPodSeesIPv4AsIPv4) {
  const PodId dual = add_pod("dual", true);
  start(dual, {"netexec"});
  EXPECT_THAT(http_get(netns(dual), 8080, "/clientip").body, MatchesRegex("127\\.0\\.0\\.1:[0-9]+"));
  EXPECT_EQ(http_get(netns(dual), 8080, "/dial?host=::1&port=8080&request=hostname").body,
            R"({"responses":["dual"]})");
  EXPECT_THAT(http_get(netns(dual), 8080, "/dial?host=::1&port=8081&protocol=udp&request=clientip").body,
              MatchesRegex(R"re(\{"responses":\["\[::1\]:[0-9]+"\]\})re"));
  EXPECT_EQ(udp_ask(netns(dual), 8081, "hostname"), "dual");
}

TEST_F(Netexec, SctpIsServedOrItsAbsenceIsNamed) {
  const PodId other = add_pod("other");
  try {
    start(other, {"netexec", "--sctp-port=90"});
    EXPECT_EQ(
        http_get(netns(other), 8080, "/dial?host=127.0.0.1&port=90&protocol=sctp&request=hostname").body,
        R"({"responses":["other"]})");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Unsupported);
    EXPECT_EQ(error.message(), "listen sctp :90: socket: protocol not supported");
  }
}

}  // namespace
}  // namespace labctl::server
