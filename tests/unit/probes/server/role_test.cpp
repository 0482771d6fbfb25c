#include "probes/server/role.hpp"

#include "topology/model/host_programs.hpp"

#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace labctl::server {
namespace {

using model::Protocol;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RoleRequest agnhost(std::vector<std::string> args, std::map<std::string, std::string> env = {}) {
  RoleRequest request;
  request.image = "registry.k8s.io/e2e-test-images/agnhost:2.47";
  request.args = std::move(args);
  request.env = [env = std::move(env)] { return env; };
  return request;
}

// "TCP/80 UDP/81": what is listened on.
std::string ports_of(const Role& role) {
  std::string text;
  for (const Endpoint& endpoint : role.endpoints) {
    text += (text.empty() ? "" : " ") + std::string(to_string(endpoint.protocol)) + "/" +
            std::to_string(endpoint.port);
  }
  return text;
}

TEST(Role, RecognisesAgnhostUnderAnyRegistryAndTag) {
  EXPECT_TRUE(model::is_agnhost("agnhost"));
  EXPECT_TRUE(model::is_agnhost("k8s.gcr.io/e2e-test-images/agnhost:2.32"));
  EXPECT_TRUE(model::is_agnhost("localhost:5000/agnhost@sha256:0123"));
  EXPECT_TRUE(model::is_agnhost("registry.k8s.io/pause:3.9"));
  EXPECT_FALSE(model::is_agnhost("nginx"));
  EXPECT_FALSE(model::is_agnhost("example.org/agnhost/tool:1"));
  EXPECT_FALSE(model::is_agnhost(""));
}

struct PortsCase {
  std::vector<std::string> args;
  std::string ports;
};

TEST(Role, FlagsDecideThePorts) {
  const std::vector<PortsCase> cases{
      {{"netexec"}, "UDP/8081 TCP/8080"},
      {{"netexec", "--http-port=80", "--udp-port", "81"}, "UDP/81 TCP/80"},
      {{"netexec", "--udp-port=-1"}, "TCP/8080"},
      {{"netexec", "--udp-port=-1", "--sctp-port=90"}, "SCTP/90 TCP/8080"},
      {{"serve-hostname"}, "TCP/9376"},
      {{"serve-hostname", "--port", "80", "--http"}, "TCP/80"},
      {{"serve-hostname", "--http=false", "--tcp", "--udp"}, "TCP/9376 UDP/9376"},
      {{"tcp-reset", "--port=7"}, "TCP/7"},
      {{"pause"}, ""},
      {{}, ""},
  };
  for (const PortsCase& one : cases) {
    EXPECT_EQ(ports_of(role_of(agnhost(one.args))), one.ports) << ::testing::PrintToString(one.args);
  }
}

struct RefusalCase {
  std::vector<std::string> args;
  std::string message;
};

TEST(Role, BadArgumentsAreToldAsAgnhostTellsThem) {
  const std::vector<RefusalCase> cases{
      {{"netexec", "--no-such-flag"}, "unknown flag: --no-such-flag"},
      {{"netexec", "--http-port"}, "flag needs an argument: --http-port"},
      {{"netexec", "--http-port=eighty"},
       R"(invalid argument "eighty" for "--http-port" flag: strconv.ParseInt: parsing "eighty": invalid syntax)"},
      {{"netexec", "-p", "80"}, "unknown shorthand flag: 'p' in -p"},
      {{"netexec", "extra"}, R"(unknown command "extra" for "app netexec")"},
      {{"netexec", "--udp-listen-addresses=10.0.0.1,me"}, "parseAddress: invalid address me"},
      {{"serve-hostname", "--tcp"}, "Can't server TCP/UDP mode and HTTP mode at the same time"},
      {{"serve-hostname", "--tcp=maybe"},
       R"(invalid argument "maybe" for "--tcp" flag: strconv.ParseBool: parsing "maybe": invalid syntax)"},
      {{"connect", "a:1", "--timeout=soon"},
       R"(invalid argument "soon" for "--timeout" flag: time: invalid duration "soon")"},
      {{"connect"}, "accepts 1 arg(s), received 0"},
      {{"no-such-role"}, R"(unknown command "no-such-role" for "app")"},
      {{"no-snat-test"}, "POD_IP env var was not present in the environment"},
      {{"netexec", "--http-port=65536"}, "--http-port: invalid port 65536"},
  };
  for (const RefusalCase& one : cases) {
    try {
      role_of(agnhost(one.args));
      ADD_FAILURE() << "accepted " << ::testing::PrintToString(one.args);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
      EXPECT_EQ(error.message(), one.message);
    }
  }
}

TEST(Role, WhatIsNotBuiltIsUnsupportedAndSaysSo) {
  const std::vector<RoleRequest> cases{agnhost({"netexec", "--tls-cert-file=/localhost.crt"}),
                                       agnhost({"porter"}, {{"SERVE_TLS_PORT_443", "x"}}),
                                       agnhost({"nettest"}), agnhost({"grpc-health-checking"})};
  for (const RoleRequest& request : cases) {
    try {
      role_of(request);
      ADD_FAILURE() << "accepted " << ::testing::PrintToString(request.args);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::Unsupported);
      EXPECT_FALSE(error.hint().empty());
    }
  }
}

TEST(Role, NetexecTakesItsOptions) {
  const Role role = role_of(agnhost({"netexec", "--delay-shutdown=7", "--http-override=/echo?msg=x",
                                     "--udp-listen-addresses=10.0.0.2,10.0.0.1,10.0.0.2"}));
  EXPECT_EQ(role.delay_shutdown, std::chrono::seconds(7));
  EXPECT_EQ(role.http_override, "/echo?msg=x");
  EXPECT_THAT(role.endpoints[0].addresses,
              ElementsAre(*IpAddress::parse("10.0.0.1"), *IpAddress::parse("10.0.0.2")));
  EXPECT_EQ(role.banner.back(), "Started HTTP server on port 8080");
}

TEST(Role, PorterReadsTheEnvironment) {
  const Role role = role_of(
      agnhost({"porter"},
              {{"SERVE_PORT_80", "foo"}, {"SERVE_SCTP_PORT_82", "baz"}, {"SERVE", "no"}, {"PATH", "/bin"}}));
  EXPECT_EQ(ports_of(role), "TCP/80 SCTP/82");
  EXPECT_EQ(role.endpoints[0].service, Service::FixedHttp);
  EXPECT_EQ(role.endpoints[0].text, "foo");
  EXPECT_EQ(role.endpoints[1].service, Service::FixedText);
}

TEST(Role, PorterRefusesAPortThatIsNone) {
  EXPECT_THROW(role_of(agnhost({"porter"}, {{"SERVE_PORT_http", "x"}})), Error);
  EXPECT_THROW(role_of(agnhost({"porter"}, {{"SERVE_PORT_0", "x"}})), Error);
}

TEST(Role, ConnectTakesAddressesOfBothFamiliesAndNames) {
  const Role four = role_of(agnhost({"connect", "10.0.0.1:80", "--timeout", "1500ms"}));
  EXPECT_EQ(four.course, Course::Connect);
  EXPECT_EQ(four.connect.host, "10.0.0.1");
  EXPECT_EQ(four.connect.port, 80);
  EXPECT_EQ(four.connect.timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(role_of(agnhost({"connect", "[2001:db8::1]:80"})).connect.host, "2001:db8::1");
  const Role udp = role_of(agnhost({"connect", "web:53", "--protocol=udp", "--udp-data=hi"}));
  EXPECT_EQ(udp.connect.protocol, Protocol::Udp);
  EXPECT_EQ(udp.connect.payload, "hi\n");
}

TEST(Role, ConnectToNoAddressIsUnknown) {
  for (const char* target : {"10.0.0.1", "2001:db8::1:80"}) {
    const Role role = role_of(agnhost({"connect", target}));
    EXPECT_EQ(role.course, Course::Print);
    EXPECT_EQ(role.exit_code, 1);
    EXPECT_THAT(role.output, HasSubstr("UNKNOWN: address"));
  }
}

TEST(Role, DnsRolesReadResolvConf) {
  RoleRequest request = agnhost({"dns-suffix"});
  request.resolv_conf = "nameserver 10.96.0.10\nsearch a.svc b.svc\n";
  EXPECT_EQ(role_of(request).output, "a.svc,b.svc");
  request.args = {"dns-server-list"};
  EXPECT_EQ(role_of(request).output, "10.96.0.10");
  request.resolv_conf = "";
  EXPECT_EQ(role_of(request).exit_code, 2);
}

TEST(Role, EtcHostsPrintsTheFile) {
  RoleRequest request = agnhost({"etc-hosts"});
  request.hosts = "127.0.0.1\tlocalhost\n";
  EXPECT_EQ(role_of(request).output, request.hosts);
}

TEST(Role, CommandMayNameAgnhostItself) {
  RoleRequest request = agnhost({"--http-port=80"});
  request.command = {"/agnhost", "netexec"};
  EXPECT_EQ(role_of(request).name, "netexec");
}

TEST(Role, AnotherCommandInAgnhostServesTheDeclaredPorts) {
  RoleRequest request = agnhost({"-c", "sleep 1d"});
  request.command = {"sh"};
  request.ports = {{"", 80, 0, Protocol::Tcp}};
  EXPECT_EQ(role_of(request).name, "declared ports");
  EXPECT_EQ(ports_of(role_of(request)), "TCP/80");
  EXPECT_EQ(role_of(request).endpoints.front().service, Service::StandInHttp) << "without /shell";
}

TEST(Role, UnknownImageServesItsDeclaredPorts) {
  RoleRequest request;
  request.image = "example.org/shop:1";
  request.args = {"--whatever"};
  request.ports = {{"http", 80, 0, Protocol::Tcp},
                   {"dns", 53, 0, Protocol::Udp},
                   {"sip", 5060, 0, Protocol::Sctp},
                   {"again", 80, 0, Protocol::Tcp}};
  const Role role = role_of(request);
  EXPECT_EQ(ports_of(role), "TCP/80 UDP/53 SCTP/5060");
  EXPECT_EQ(role.endpoints[0].service, Service::StandInHttp);
  EXPECT_EQ(role.endpoints[1].service, Service::NetexecText);
}

TEST(Role, ImageWithoutPortsWaits) {
  RoleRequest request;
  request.image = "busybox";
  const Role role = role_of(request);
  EXPECT_EQ(role.course, Course::Serve);
  EXPECT_THAT(role.endpoints, IsEmpty());
}

}  // namespace
}  // namespace labctl::server
