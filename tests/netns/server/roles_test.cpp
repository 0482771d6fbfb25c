// The other roles of agnhost, and images that nobody mapped.

#include "tests/netns/server/server_fixture.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace labctl::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

using Roles = BuiltInServer;

TEST_F(Roles, DeclaredPortsAnswerTheNetexecApi) {
  const PodId pod = add_pod("nginx");
  RoleRequest request;
  request.image = "nginx:1.25";
  request.ports = {{"http", 80, 0, model::Protocol::Tcp}, {"dns", 53, 0, model::Protocol::Udp}};
  server().start(pod, role_of(request));
  EXPECT_EQ(http_get(netns(pod), 80, "/hostname").body, "nginx");
  // Whatever the application has there: it is up, and nothing ends it or runs a program.
  for (const char* path : {"/", "/healthz", "/readyz?full=1", "/api/v1/ready", "/exit?code=3", "/shutdown",
                           "/shell?cmd=id", "/echo?code=500", "/redirect"}) {
    EXPECT_EQ(http_get(netns(pod), 80, path).status, 200) << path;
  }
  EXPECT_EQ(http_get(netns(pod), 80, "/healthz").status, 200);
  EXPECT_EQ(udp_ask(netns(pod), 53, "hostname"), "nginx");
}

TEST_F(Roles, ServeHostnameOverHttp) {
  const PodId pod = add_pod("h");
  start(pod, {"serve-hostname", "--close"});
  const auto answer = http(netns(pod), 9376, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(answer.body, "h");
  EXPECT_THAT(answer.head, HasSubstr("Connection: close"));
}

TEST_F(Roles, ServeHostnameOverTcpAndUdp) {
  const PodId pod = add_pod("h");
  start(pod, {"serve-hostname", "--http=false", "--tcp", "--udp", "--port", "7000"});
  const UniqueFd fd = tcp_connect(netns(pod), 7000);
  EXPECT_EQ(read_to_end(fd.get()), "h");
  EXPECT_EQ(udp_ask(netns(pod), 7000, "anything"), "h");
}

TEST_F(Roles, PorterServesItsTexts) {
  const PodId pod = add_pod("p");
  start(pod, {"porter"}, {{"SERVE_PORT_80", "foo"}, {"SERVE_PORT_81", "bar"}, {"SERVE_UDP_PORT_82", "baz"}});
  EXPECT_EQ(http_get(netns(pod), 80, "/any/path").body, "foo");
  EXPECT_EQ(http_get(netns(pod), 81, "/").body, "bar");
  EXPECT_EQ(udp_ask(netns(pod), 82, "?"), "baz");
  EXPECT_THAT(http_get(netns(pod), 80, "/labctl/probe").body, HasSubstr("pod/default/p\n"));
}

TEST_F(Roles, PorterInJsonNamesTheMethod) {
  const PodId pod = add_pod("p");
  start(pod, {"porter", "--json-response"}, {{"SERVE_PORT_80", "foo"}});
  EXPECT_EQ(http_get(netns(pod), 80, "/").body, R"({"Method":"GET","Body":"foo"})");
}

TEST_F(Roles, TcpResetResetsWhenMoreWasSent) {
  const PodId pod = add_pod("r");
  start(pod, {"tcp-reset"});
  const UniqueFd more = tcp_connect(netns(pod), 8080);
  ::send(more.get(), "two", 3, MSG_NOSIGNAL);
  EXPECT_EQ(read_to_end(more.get()), "RST");
  const UniqueFd one = tcp_connect(netns(pod), 8080);
  ::send(one.get(), "1", 1, MSG_NOSIGNAL);
  EXPECT_EQ(read_to_end(one.get()), "");
}

TEST_F(Roles, ConnectIsSilentOnSuccess) {
  const PodId pod = add_pod("c");
  start(pod, {"netexec"});
  const ContainerId container = start(pod, {"connect", "127.0.0.1:8080", "--timeout=3s"});
  EXPECT_EQ(reports_.wait_exit(container), 0);
  EXPECT_THAT(reports_.lines(container), IsEmpty());
  const ContainerId udp = start(pod, {"connect", "127.0.0.1:8081", "--timeout=3s", "--protocol=udp"});
  EXPECT_EQ(reports_.wait_exit(udp), 0);
}

TEST_F(Roles, ConnectSaysRefused) {
  const PodId pod = add_pod("c");
  const ContainerId container = start(pod, {"connect", "127.0.0.1:9", "--timeout=3s"});
  EXPECT_EQ(reports_.wait_exit(container), 1);
  EXPECT_THAT(reports_.lines(container), ElementsAre("REFUSED"));
}

TEST_F(Roles, ConnectSaysTimeout) {
  const PodId pod = add_pod("c");
  start(pod, {"netexec"});
  // netexec does not answer a datagram it does not understand.
  const ContainerId container =
      start(pod, {"connect", "127.0.0.1:8081", "--timeout=20ms", "--protocol=udp", "--udp-data=hush"});
  EXPECT_EQ(reports_.wait_exit(container), 1);
  EXPECT_THAT(reports_.lines(container), ElementsAre(HasSubstr("TIMEOUT")));
}

TEST_F(Roles, ConnectSaysDnsAndOther) {
  const PodId pod = add_pod("c");
  const ContainerId name = start(pod, {"connect", "no.such.name:80"});
  EXPECT_EQ(reports_.wait_exit(name), 1);
  EXPECT_THAT(reports_.lines(name), ElementsAre(HasSubstr("DNS: ")));
  const ContainerId far = start(pod, {"connect", "192.0.2.1:80"});
  EXPECT_EQ(reports_.wait_exit(far), 1);
  EXPECT_THAT(reports_.lines(far),
              ElementsAre("OTHER: dial tcp 192.0.2.1:80: connect: network is unreachable"));
}

TEST_F(Roles, NamesAreResolvedByTheOwner) {
  extra_.resolve = [](PodId, const std::string& name,
                      const std::function<void(std::vector<IpAddress>)>& done) {
    done(name == "self" ? std::vector{IpAddress::loopback(Family::IPv4)} : std::vector<IpAddress>{});
  };
  make_server();
  const PodId pod = add_pod("c");
  start(pod, {"netexec"});
  EXPECT_EQ(http_get(netns(pod), 8080, "/dial?host=self&port=8080&request=hostname").body,
            R"({"responses":["c"]})");
  EXPECT_EQ(http_get(netns(pod), 8080, "/dial?host=other&port=8080&request=hostname").status, 400);
  EXPECT_EQ(reports_.wait_exit(start(pod, {"connect", "self:8080"})), 0);
}

TEST_F(Roles, PrintingRolesPrintAndEnd) {
  const PodId pod = add_pod("d");
  RoleRequest request;
  request.image = "agnhost";
  request.args = {"dns-suffix"};
  request.resolv_conf = "nameserver 10.96.0.10\nsearch a.svc b.svc\noptions ndots:5\n";
  const ContainerId container = server().start(pod, role_of(request));
  EXPECT_EQ(reports_.wait_exit(container), 0);
  EXPECT_THAT(reports_.lines(container), ElementsAre("a.svc,b.svc"));
}

TEST_F(Roles, PauseWaitsAndEndsWithTwo) {
  const PodId pod = add_pod("z");
  const ContainerId container = start(pod, {"pause"});
  EXPECT_THAT(reports_.lines(container), ElementsAre("Paused"));
  EXPECT_FALSE(reports_.has_exited(container));
  server().stop(container, std::chrono::seconds(30));
  EXPECT_EQ(reports_.wait_exit(container), 2);
}

TEST_F(Roles, NoSnatTestComparesWhatOthersSee) {
  const PodId pod = add_pod("s");
  start(pod, {"no-snat-test"}, {{"POD_IP", "127.0.0.1"}, {"NODE_IP", "192.0.2.9"}});
  EXPECT_THAT(http_get(netns(pod), 8080, "/whoami").body, MatchesRegex("127\\.0\\.0\\.1:[0-9]+"));
  EXPECT_EQ(http_get(netns(pod), 8080, "/checknosnat?ips=127.0.0.1:8080,127.0.0.1:8080").status, 200);
  const PodId other = add_pod("t");
  start(other, {"no-snat-test"}, {{"POD_IP", "192.0.2.1"}, {"NODE_IP", "127.0.0.1"}});
  const auto answer = http_get(netns(other), 8080, "/checknosnat?ips=127.0.0.1:8080");
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.body, HasSubstr("== my Node ip \"127.0.0.1\" - SNAT"));
}

TEST_F(Roles, RemovedPodIsGoneAtOnce) {
  const PodId pod = add_pod("g");
  const ContainerId container = start(pod, {"netexec"});
  const UniqueFd open = tcp_connect(netns(pod), 8080);
  ASSERT_TRUE(open);
  server().remove_pod(pod);
  EXPECT_FALSE(tcp_connect(netns(pod), 8080));
  EXPECT_FALSE(server().find_listener(IpAddress::loopback(Family::IPv4), model::Protocol::Tcp, 8080));
  EXPECT_FALSE(reports_.has_exited(container));
  EXPECT_EQ(server().name_of(pod), "pod/default/g");
}

TEST_F(Roles, UnknownPodCannotStart) { EXPECT_THROW(start(4711, {"netexec"}), Error); }

TEST_F(Roles, StartLeavesTheCallerWhereItWas) {
  const auto here = [] {
    char link[64] = {};
    return ::readlink("/proc/thread-self/ns/net", link, sizeof link - 1) > 0 ? std::string(link)
                                                                             : std::string();
  };
  const std::string before = here();
  const PodId pod = add_pod("w");
  start(pod, {"netexec"});
  EXPECT_THROW(start(pod, {"netexec"}), Error);
  EXPECT_EQ(here(), before);
}

}  // namespace
}  // namespace labctl::server
