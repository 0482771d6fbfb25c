// What DNS says of Services, endpoints, pods and namespaces: the rows of network model §13.

#include "topology/dns/service_records.hpp"

#include "tests/support/addresses.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace labctl::dns {
namespace {

using model::Protocol;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

constexpr const char* kDomain = "cluster.local";

// Without TTL and class: "web.shop A 10.96.0.7".
std::vector<std::string> briefly(const std::vector<Record>& records) {
  EXPECT_TRUE(std::is_sorted(records.begin(), records.end()));
  EXPECT_EQ(std::adjacent_find(records.begin(), records.end()), records.end());
  std::vector<std::string> lines;
  for (const Record& record : records) {
    std::string line = record.name + " " + std::string(to_string(record.type)) + " " + record.data;
    const std::string suffix = ".svc.cluster.local.";
    for (auto at = line.find(suffix); at != std::string::npos; at = line.find(suffix)) {
      line.erase(at, suffix.size());
    }
    lines.push_back(line);
  }
  return lines;
}

model::Service cluster_ip_service() {
  model::Service service;
  service.key = {"shop", "web"};
  service.cluster_ips = {ip("10.96.0.7")};
  service.ports = {{"http", Protocol::Tcp, 80}, {"", Protocol::Tcp, 81}, {"dns", Protocol::Udp, 53}};
  return service;
}

model::Endpoint endpoint(const char* address, const std::string& hostname = "", bool is_ready = true) {
  model::Endpoint made;
  made.address = ip(address);
  made.hostname = hostname;
  made.is_ready = is_ready;
  return made;
}

class Headless : public testing::Test {
 protected:
  Headless() {
    service_.key = {"shop", "db"};
    service_.is_headless = true;
    slice_.ports = {{"pg", Protocol::Tcp, 5432}, {"", Protocol::Tcp, 1}};
  }
  std::vector<std::string> records() const { return briefly(service_records(service_, {&slice_}, kDomain)); }

  model::Service service_;
  model::EndpointSlice slice_;
};

TEST(ClusterIp, HasAnAddressAPointerAndServersOfNamedPorts) {
  EXPECT_THAT(briefly(service_records(cluster_ip_service(), {}, kDomain)),
              UnorderedElementsAre("web.shop A 10.96.0.7", "7.0.96.10.in-addr.arpa. PTR web.shop",
                                   "_http._tcp.web.shop SRV 0 100 80 web.shop",
                                   "_dns._udp.web.shop SRV 0 100 53 web.shop"));
}

TEST(ClusterIp, OfBothFamiliesHasBoth) {
  model::Service service = cluster_ip_service();
  service.cluster_ips.push_back(ip("fd00:10:96::7"));
  service.ports = {{"s", Protocol::Sctp, 9}};
  EXPECT_THAT(briefly(service_records(service, {}, kDomain)),
              UnorderedElementsAre(
                  "web.shop A 10.96.0.7", "web.shop AAAA fd00:10:96::7",
                  "_s._sctp.web.shop SRV 0 100 9 web.shop", "7.0.96.10.in-addr.arpa. PTR web.shop",
                  "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa. PTR web.shop"));
}

TEST(ClusterIp, DoesNotDependOnEndpointsNorOnTheProxy) {
  const std::vector<Record> plain = service_records(cluster_ip_service(), {}, kDomain);
  model::EndpointSlice slice;
  slice.ports = {{"http", Protocol::Tcp, 8080}};
  slice.endpoints = {endpoint("10.244.1.7", "web-0")};
  EXPECT_EQ(service_records(cluster_ip_service(), {&slice}, kDomain), plain);
  model::Service ignored = cluster_ip_service();
  ignored.is_ignored = true;
  EXPECT_EQ(service_records(ignored, {}, kDomain), plain);
}

TEST(ClusterIp, ThatIsNotGivenYetHasNoRecords) {
  model::Service service = cluster_ip_service();
  service.cluster_ips.clear();
  EXPECT_THAT(service_records(service, {}, kDomain), IsEmpty());
}

TEST(ClusterIp, StandsBelowTheClustersOwnDomain) {
  const auto records = service_records(cluster_ip_service(), {}, "Lab.Example");
  EXPECT_THAT(records, Contains(Record{"web.shop.svc.lab.example.", RecordType::A, "10.96.0.7"}));
}

TEST_F(Headless, WithoutReadyEndpointsHasNoRecords) {
  service_.ports = {{"pg", Protocol::Tcp, 5432}};
  EXPECT_THAT(records(), IsEmpty());
  slice_.endpoints = {endpoint("10.244.1.7", "db-0", false)};
  EXPECT_THAT(records(), IsEmpty());
}

TEST_F(Headless, EndpointsHaveTheirHostnameOrTheirAddressAsName) {
  slice_.endpoints = {endpoint("10.244.1.7", "DB-0"), endpoint("10.244.1.8"),
                      endpoint("10.244.1.9", "db-2", false)};
  EXPECT_THAT(records(), UnorderedElementsAre("db.shop A 10.244.1.7", "db.shop A 10.244.1.8",
                                              "db-0.db.shop A 10.244.1.7", "10-244-1-8.db.shop A 10.244.1.8",
                                              "_pg._tcp.db.shop SRV 0 50 5432 db-0.db.shop",
                                              "_pg._tcp.db.shop SRV 0 50 5432 10-244-1-8.db.shop",
                                              "7.1.244.10.in-addr.arpa. PTR db-0.db.shop",
                                              "8.1.244.10.in-addr.arpa. PTR 10-244-1-8.db.shop"));
}

TEST_F(Headless, OneAddressInTwoSlicesIsSaidOnce) {
  slice_.endpoints = {endpoint("10.244.1.7"), endpoint("10.244.1.7")};
  model::EndpointSlice other = slice_;
  other.ports = {{"pg", Protocol::Tcp, 6432}};
  EXPECT_THAT(briefly(service_records(service_, {&slice_, &other}, kDomain)),
              UnorderedElementsAre("db.shop A 10.244.1.7", "10-244-1-7.db.shop A 10.244.1.7",
                                   "7.1.244.10.in-addr.arpa. PTR 10-244-1-7.db.shop",
                                   "_pg._tcp.db.shop SRV 0 50 5432 10-244-1-7.db.shop",
                                   "_pg._tcp.db.shop SRV 0 50 6432 10-244-1-7.db.shop"));
}

TEST_F(Headless, SeveralEndpointsOfOneHostnameAreAllItsAddresses) {
  slice_.endpoints = {endpoint("10.244.1.7", "db"), endpoint("fd00::7", "db")};
  EXPECT_THAT(records(), testing::IsSupersetOf({"db.db.shop A 10.244.1.7", "db.db.shop AAAA fd00::7",
                                                "_pg._tcp.db.shop SRV 0 100 5432 db.db.shop"}));
}

TEST_F(Headless, NamesOfIPv6AddressesBeginAndEndWithADigitOrLetter) {
  slice_.ports.clear();
  slice_.endpoints = {endpoint("fd00::7"), endpoint("::1"), endpoint("fd00::"), endpoint("::")};
  EXPECT_THAT(records(), testing::IsSupersetOf({"fd00--7.db.shop AAAA fd00::7", "0--1.db.shop AAAA ::1",
                                                "fd00--0.db.shop AAAA fd00::", "0--0.db.shop AAAA ::"}));
}

TEST_F(Headless, AHostnameThatIsNoLabelGivesWayToTheAddress) {
  for (const std::string hostname : {"a.b", "-a", "a-", "_tcp", "a_b", "a b", "*"}) {
    slice_.endpoints = {endpoint("10.244.1.7", hostname)};
    EXPECT_THAT(records(), Contains("10-244-1-7.db.shop A 10.244.1.7")) << hostname;
    EXPECT_THAT(records(), Not(Contains(StartsWith(hostname + ".db")))) << hostname;
  }
}

TEST_F(Headless, WeightsOfManyServersAreAtLeastOne) {
  for (int i = 1; i <= 120; ++i) {
    model::Endpoint one;
    one.address = ip("10.244.1.0").plus(static_cast<std::uint64_t>(i));
    slice_.endpoints.push_back(one);
  }
  EXPECT_THAT(records(), Contains("_pg._tcp.db.shop SRV 0 1 5432 10-244-1-120.db.shop"));
  slice_.endpoints.resize(40);
  EXPECT_THAT(records(), Contains("_pg._tcp.db.shop SRV 0 2 5432 10-244-1-40.db.shop"));
}

TEST(ExternalName, IsAnAliasAndNothingElse) {
  model::Service service = cluster_ip_service();
  service.cluster_ips.clear();
  service.external_name = "WWW.Example.org";
  EXPECT_THAT(briefly(service_records(service, {}, kDomain)), ElementsAre("web.shop CNAME www.example.org."));
  service.external_name = "www.example.org.";
  EXPECT_THAT(briefly(service_records(service, {}, kDomain)), ElementsAre("web.shop CNAME www.example.org."));
  service.external_name = "198.51.100.80";
  EXPECT_THAT(briefly(service_records(service, {}, kDomain)), ElementsAre("web.shop CNAME 198.51.100.80."));
}

TEST(ExternalName, ThatIsNoNameHasNoRecord) {
  model::Service service = cluster_ip_service();
  for (const std::string name : {"fd00::1", "a b", "*.example.org", "a..b", "."}) {
    service.external_name = name;
    EXPECT_THAT(service_records(service, {}, kDomain), IsEmpty()) << name;
  }
}

TEST(Names, ThatDoNotFitAreLeftOut) {
  model::Service service = cluster_ip_service();
  const std::string label(63, 'n');
  const std::string domain = std::string(60, 'a') + "." + std::string(60, 'b') + ".example";
  service.key = {label, "web"};
  service.ports = {{std::string(63, 'p'), Protocol::Tcp, 80}};  // with its '_' no label
  EXPECT_THAT(briefly(service_records(service, {}, domain)), testing::SizeIs(2));
  service.key = {label, label};
  EXPECT_THAT(service_records(service, {}, domain), IsEmpty());
}

TEST(Pods, HaveTheirAddressAsName) {
  EXPECT_THAT(pod_records("shop", {ip("10.244.1.7"), ip("fd00::7")}, kDomain),
              ElementsAre(Record{"10-244-1-7.shop.pod.cluster.local.", RecordType::A, "10.244.1.7"},
                          Record{"fd00--7.shop.pod.cluster.local.", RecordType::Aaaa, "fd00::7"}));
  EXPECT_THAT(pod_records("shop", {}, kDomain), IsEmpty());
}

TEST(Namespaces, HoldANameOfTheirOwnSoThatTheyExist) {
  EXPECT_THAT(namespace_records("shop", kDomain),
              ElementsAre(Record{"_ns.shop.svc.cluster.local.", RecordType::Txt, "\"namespace\""}));
}

TEST(Schema, HasItsVersionAndItsServer) {
  EXPECT_THAT(schema_records(kDomain, {ip("10.96.0.10"), ip("fd00::a")}),
              ElementsAre(Record{"dns-version.cluster.local.", RecordType::Txt, "\"1.1.0\""},
                          Record{"ns.dns.cluster.local.", RecordType::A, "10.96.0.10"},
                          Record{"ns.dns.cluster.local.", RecordType::Aaaa, "fd00::a"}));
}

}  // namespace
}  // namespace labctl::dns
