#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::manifest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Loaded load_dns(const std::string& spec) {
  return load({{"t.yaml", "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nspec:\n" + spec}}, {});
}

std::vector<std::string> said_of_dns(const std::string& spec) {
  std::vector<std::string> out;
  for (const Diagnostic& d : load_dns(spec).diagnostics) {
    out.push_back((d.severity == Severity::Error ? "E " : "W ") + std::to_string(d.where.line) + ":" +
                  std::to_string(d.where.column) + " " + d.path + ": " + d.message);
  }
  return out;
}

std::vector<std::string> said_of_stub(const std::string& suffix) {
  return said_of_dns("  dns: {domain: lab.example, stubDomains: [{suffix: " + suffix +
                     ", servers: [198.51.100.54]}]}\n");
}

TEST(ClusterDns, EveryFieldIsRead) {
  const Loaded loaded = load_dns(R"(  ipFamilies: [IPv4, IPv6]
  dns:
    enabled: true
    domain: lab.example
    replicas: 3
    logQueries: true
    stubDomains:
    - {suffix: corp.example, servers: [198.51.100.54, "2001:db8:51::36"]}
    hosts:
    - {address: 198.51.100.7, names: [a.example, b.lab.example]}
  outside:
    dns: {records: [www.Example.org A 198.51.100.80, "t.example.org. TXT x"]}
)");
  ASSERT_THAT(loaded.diagnostics, IsEmpty());
  const model::Dns& dns = loaded.cluster->dns;
  EXPECT_TRUE(dns.enabled);
  EXPECT_EQ(dns.domain, "lab.example");
  EXPECT_EQ(dns.replicas, 3);
  EXPECT_TRUE(dns.logs_queries);
  EXPECT_THAT(
      dns.stub_domains,
      ElementsAre(model::StubDomain{
          "corp.example", {*IpAddress::parse("198.51.100.54"), *IpAddress::parse("2001:db8:51::36")}}));
  EXPECT_THAT(dns.hosts, ElementsAre(model::HostOverride{*IpAddress::parse("198.51.100.7"),
                                                         {"a.example", "b.lab.example"}}));
  EXPECT_THAT(loaded.cluster->outside.dns_records,
              ElementsAre("www.example.org. A 198.51.100.80", "t.example.org. TXT \"x\""));
}

TEST(ClusterDns, IsOnWithoutAWord) {
  const Loaded loaded = load_dns("  nodes: 1\n");
  EXPECT_EQ(loaded.cluster->dns, model::Dns{});
  EXPECT_TRUE(loaded.cluster->dns.enabled);
}

TEST(ClusterDns, AStubDomainKeepsOffTheClustersDomain) {
  EXPECT_THAT(
      said_of_stub("lab.example"),
      ElementsAre("E 4:53 spec.dns.stubDomains[0].suffix: \"lab.example\" is the cluster's own domain "
                  "lab.example"));
  EXPECT_THAT(said_of_stub("svc.lab.example"), ElementsAre(HasSubstr("is inside the cluster's own domain")));
  EXPECT_THAT(said_of_stub("example"), ElementsAre(HasSubstr("contains the cluster's own domain")));
  EXPECT_THAT(said_of_stub("mylab.example"), IsEmpty());
  EXPECT_THAT(said_of_stub("b.example"), IsEmpty());
}

TEST(ClusterDns, AStubDomainNeedsASoundSuffixAndServers) {
  EXPECT_THAT(said_of_stub("Corp_x"),
              ElementsAre(HasSubstr("E 4:53 spec.dns.stubDomains[0].suffix: \"Corp_x\"")));
  EXPECT_THAT(said_of_stub("\"a; }\""), ElementsAre(HasSubstr("is not allowed")));
  EXPECT_THAT(said_of_stub(std::string(64, 'a') + ".org"), ElementsAre(HasSubstr("at most 63 characters")));
  EXPECT_THAT(said_of_dns("  dns: {stubDomains: [{suffix: a.org, servers: []}]}\n"),
              ElementsAre(HasSubstr("E 4:48 spec.dns.stubDomains[0].servers")));
  EXPECT_THAT(said_of_dns("  dns: {stubDomains: [{suffix: a.org}]}\n"),
              ElementsAre(HasSubstr("spec.dns.stubDomains[0]")));
  EXPECT_THAT(said_of_dns("  dns: {stubDomains: [{suffix: a.org, servers: [ns.a.org]}]}\n"),
              ElementsAre(HasSubstr("E 4:49 spec.dns.stubDomains[0].servers[0]")));
  EXPECT_THAT(said_of_dns("  dns: {stubDomains: [{suffix: a.org, servers: [127.0.0.1]}]}\n"),
              ElementsAre(HasSubstr("127.0.0.1 is no address that a DNS server")));
  EXPECT_THAT(said_of_dns("  dns: {stubDomains: [{suffix: a.org, servers: [\"2001:db8::1\"]}]}\n"),
              ElementsAre(HasSubstr("W 4:49 spec.dns.stubDomains[0].servers[0]: no node speaks IPv6")));
  EXPECT_THAT(said_of_dns("  dns: {stubDomains: [{suffix: a.org, servers: [9.9.9.9, 9.9.9.9]}]}\n"),
              ElementsAre(HasSubstr("9.9.9.9 is listed twice")));
  EXPECT_THAT(said_of_dns("  dns: {stubDomains: [{suffix: a.org, servers: [9.9.9.9]}, "
                          "{suffix: a.org, servers: [9.9.9.8]}]}\n"),
              ElementsAre(HasSubstr("spec.dns.stubDomains[1].suffix: a second entry for \"a.org\"")));
}

TEST(ClusterDns, AHostNeedsAnAddressAndNames) {
  EXPECT_THAT(said_of_dns("  dns: {hosts: [{names: [a]}]}\n"), ElementsAre(HasSubstr("spec.dns.hosts[0]")));
  EXPECT_THAT(said_of_dns("  dns: {hosts: [{address: 9.9.9.9}]}\n"),
              ElementsAre(HasSubstr("spec.dns.hosts[0]")));
  EXPECT_THAT(said_of_dns("  dns: {hosts: [{address: 9.9.9.9, names: []}]}\n"),
              ElementsAre(HasSubstr("E 4:43 spec.dns.hosts[0].names")));
  EXPECT_THAT(said_of_dns("  dns: {hosts: [{address: here, names: [a]}]}\n"),
              ElementsAre(HasSubstr("E 4:27 spec.dns.hosts[0].address: must be an IPv4 or IPv6 address")));
  EXPECT_THAT(said_of_dns("  dns: {hosts: [{address: 9.9.9.9, names: [\"a b\"]}]}\n"),
              ElementsAre(HasSubstr("E 4:44 spec.dns.hosts[0].names[0]")));
}

TEST(ClusterDns, TheDomainLeavesRoomForNames) {
  EXPECT_THAT(said_of_dns("  dns: {domain: \"\"}\n"), ElementsAre(HasSubstr("E 4:17 spec.dns.domain")));
  EXPECT_THAT(said_of_dns("  dns: {domain: " + std::string(64, 'a') + "}\n"),
              ElementsAre(HasSubstr("at most 63 characters")));
  const std::string long_one = std::string(60, 'a') + "." + std::string(60, 'b');
  EXPECT_THAT(said_of_dns("  dns: {domain: " + long_one + "}\n"), IsEmpty());
  EXPECT_THAT(said_of_dns("  dns: {domain: " + long_one + "b}\n"),
              ElementsAre(HasSubstr("at most 121 leave room for the names of Services")));
}

TEST(ClusterDns, AnAliasStandsAlone) {
  const auto said = [](const std::string& records) {
    return said_of_dns("  outside: {dns: {records: [" + records + "]}}\n");
  };
  EXPECT_THAT(
      said("a.org CNAME b.org, A.org. A 192.0.2.1"),
      ElementsAre(
          "E 4:48 spec.outside.dns.records[1]: a.org. has another record, and a CNAME record stands alone"));
  EXPECT_THAT(said("a.org A 192.0.2.1, a.org CNAME b.org"), ElementsAre(HasSubstr("records[1]")));
  EXPECT_THAT(said("a.org CNAME c.org, a.org CNAME b.org"), ElementsAre(HasSubstr("records[1]")));
  EXPECT_THAT(said("a.org A 192.0.2.1, a.org A 192.0.2.2, b.org CNAME a.org"), IsEmpty());
}

TEST(ClusterDns, RecordsWithoutAServerAreAWarning) {
  EXPECT_THAT(said_of_dns("  dns: {enabled: false}\n  outside: {dns: {records: [a.org A 192.0.2.1]}}\n"),
              ElementsAre(HasSubstr("W 5:28 spec.outside.dns.records: no server has these records")));
}

// The outside DNS server has an address there even if no host has.
TEST(ClusterDns, TheOutsideNetworkIsTheServers) {
  const std::string ranges = "  network: {loadBalancerCIDRs: [198.51.100.0/25]}\n  outside: {hosts: []}\n";
  EXPECT_THAT(said_of_dns(ranges), ElementsAre(HasSubstr("overlaps the outside network 198.51.100.0/24")));
  EXPECT_THAT(said_of_dns(ranges + "  dns: {enabled: false}\n"), IsEmpty());
}

}  // namespace
}  // namespace labctl::manifest
