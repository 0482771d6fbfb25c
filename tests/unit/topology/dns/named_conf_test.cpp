// The configuration of the cluster's DNS servers.

#include "topology/dns/named_conf.hpp"

#include "tests/support/addresses.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace labctl::dns {
namespace {

using testing::HasSubstr;
using testing::Not;

ServerConfig config() {
  ServerConfig made;
  made.directory = "/run/lab/dns";
  made.zones = {"cluster.local.", "96.10.in-addr.arpa."};
  made.forwarders = {ip("198.51.100.53"), ip("2001:db8:51::35")};
  return made;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

TEST(NamedConf, AnswersForItsZonesAndForwardsTheRest) {
  const std::string conf = cluster_named_conf(config());
  EXPECT_THAT(conf, HasSubstr("directory \"/run/lab/dns\";"));
  EXPECT_THAT(conf, HasSubstr("forward only; forwarders { 198.51.100.53; 2001:db8:51::35; };"));
  EXPECT_THAT(conf, HasSubstr("zone \"cluster.local\" { type primary; file \"cluster.local.zone\"; "
                              "allow-update { 127.0.0.1; }; };"));
  EXPECT_THAT(conf, HasSubstr("zone \"96.10.in-addr.arpa\" { type primary;"));
  EXPECT_THAT(conf, Not(HasSubstr("response-policy")));
  EXPECT_THAT(conf, Not(HasSubstr("querylog")));
  EXPECT_THAT(conf, Not(HasSubstr("zone \".\"")));
  EXPECT_EQ(count(conf, "{"), count(conf, "}"));
}

TEST(NamedConf, WithoutForwardersNeverAsksTheRootServers) {
  ServerConfig alone = config();
  alone.forwarders.clear();
  const std::string conf = cluster_named_conf(alone);
  EXPECT_THAT(conf, HasSubstr("zone \".\" { type hint; file \"/dev/null\"; };"));
  EXPECT_THAT(conf, Not(HasSubstr("forward")));
}

TEST(NamedConf, StubDomainsAreAskedOfTheirServers) {
  ServerConfig stubs = config();
  stubs.stub_domains = {{"Corp.example.", {ip("10.0.0.1"), ip("fd00::1")}},
                        {"corp.example", {ip("10.0.0.2")}},
                        {"cluster.local", {ip("10.0.0.3")}},
                        {"none.example", {}},
                        {"x\" { }; include \"/etc/passwd", {ip("10.0.0.4")}}};
  const std::string conf = cluster_named_conf(stubs);
  EXPECT_THAT(conf,
              HasSubstr("zone \"corp.example\" { type static-stub; server-addresses { 10.0.0.1; fd00::1; }; "
                        "forward only; forwarders { 10.0.0.1; fd00::1; }; };"));
  for (const char* not_there : {"10.0.0.2", "10.0.0.3", "10.0.0.4", "none.example", "include"}) {
    EXPECT_THAT(conf, Not(HasSubstr(not_there)));
  }
}

TEST(NamedConf, HostsAreAPolicyAboveAllZones) {
  ServerConfig hosts = config();
  hosts.has_hosts = true;
  const std::string conf = cluster_named_conf(hosts);
  EXPECT_THAT(conf, HasSubstr("response-policy { zone \"_hosts.labctl\"; } qname-wait-recurse no"));
  EXPECT_THAT(
      conf,
      HasSubstr("zone \"_hosts.labctl\" { type primary; file \"hosts.policy\"; allow-query { none; }; };"));
}

TEST(NamedConf, LogsQueriesWhenAsked) {
  ServerConfig logging = config();
  logging.logs_queries = true;
  const std::string conf = cluster_named_conf(logging);
  EXPECT_THAT(conf, HasSubstr("querylog yes;"));
  EXPECT_THAT(conf, HasSubstr("category queries { all; };"));
}

TEST(NamedConf, QuotesItsFolder) {
  ServerConfig odd = config();
  odd.directory = "/run/a \"b\\";
  EXPECT_THAT(cluster_named_conf(odd), HasSubstr("directory \"/run/a \\\"b\\\\\";"));
  odd.directory = "/run/a\n";
  EXPECT_THROW(cluster_named_conf(odd), Error);
  EXPECT_THROW(outside_named_conf("/run/\x01", {}), Error);
}

TEST(NamedConf, RefusesAZoneThatIsNoName) {
  ServerConfig bad = config();
  bad.zones = {"a\"; };"};
  EXPECT_THROW(cluster_named_conf(bad), Error);
}

TEST(ZoneFile, IsNamedAfterItsZone) {
  EXPECT_EQ(zone_file_name("Cluster.local."), "cluster.local.zone");
  EXPECT_EQ(zone_file_name("cluster.local"), "cluster.local.zone");
  EXPECT_EQ(zone_file_name("."), "root.zone");
  EXPECT_THROW(zone_file_name("../cluster.local"), Error);
  EXPECT_NE(zone_file_name("hosts"), kHostsFile);
}

TEST(HostsZone, HasTheAddressesOfEachName) {
  EXPECT_EQ(hosts_zone({{ip("192.0.2.1"), {"legacy.corp", "Legacy.", "a b", "x\ny"}},
                        {ip("2001:db8::1"), {"legacy"}},
                        {ip("192.0.2.1"), {"legacy"}}}),
            "_hosts.labctl. 5 IN SOA _hosts.labctl. hostmaster._hosts.labctl. 1 7200 1800 86400 5\n"
            "_hosts.labctl. 5 IN NS localhost.\n"
            "legacy._hosts.labctl. 5 IN A 192.0.2.1\n"
            "legacy._hosts.labctl. 5 IN AAAA 2001:db8::1\n"
            "legacy.corp._hosts.labctl. 5 IN A 192.0.2.1\n");
}

}  // namespace
}  // namespace labctl::dns
