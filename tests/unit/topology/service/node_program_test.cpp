// What a node does with packets to a Service: the tables of network model §7 and §8, row by row.

#include "topology/service/node_program.hpp"
#include "tests/support/addresses.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::service {
namespace {

using model::Protocol;
using model::TrafficPolicy;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class Programs : public testing::Test {
 protected:
  Programs() {
    service_.key = {"default", "web"};
    service_.cluster_ips = {ip("10.96.0.9")};
    service_.ports = {{"http", Protocol::Tcp, 80, 30080}};
    service_.external_ips = {ip("198.51.100.7")};
    service_.load_balancer_ips = {ip("203.0.113.5")};
    slice_.ports = {{"http", Protocol::Tcp, 8080}};
  }
  void add(const char* address, const std::string& node, bool is_ready = true) {
    slice_.endpoints.push_back({ip(address), node, is_ready, is_ready, false, {}, {}});
  }
  NodeProgram program(const std::string& node = "n1") const {
    const model::EndpointSlice* slices[] = {&slice_};
    return node_program(service_, slices, {{node, ""}, {ip("192.0.2.11")}});
  }
  Entry entry(const char* vip, std::uint16_t port = 80, const std::string& node = "n1") const {
    for (const PortProgram& each : program(node).ports) {
      for (const Entry& entry : each.entries) {
        if (entry.vip == Vip{ip(vip), Protocol::Tcp, port}) {
          return entry;
        }
      }
    }
    ADD_FAILURE() << "nothing for " << vip;
    return {};
  }

  model::Service service_;
  model::EndpointSlice slice_;
};

constexpr const char* kClusterIp = "10.96.0.9";
constexpr const char* kExternalIp = "198.51.100.7";
constexpr const char* kBalancer = "203.0.113.5";
constexpr const char* kNode = "192.0.2.11";

TEST_F(Programs, WithoutEndpointsEverythingIsRejectedUnderEveryPolicy) {
  add("10.244.1.2", "n1", false);
  for (const auto policy : {TrafficPolicy::Cluster, TrafficPolicy::Local}) {
    service_.internal_policy = service_.external_policy = policy;
    for (const char* vip : {kClusterIp, kExternalIp, kBalancer}) {
      EXPECT_EQ(entry(vip).verdict, Verdict::Reject) << vip;
    }
    EXPECT_EQ(entry(kNode, 30080).verdict, Verdict::Reject);
  }
}

TEST_F(Programs, UnderClusterAllEndpointsAreUsedFromEverywhere) {
  add("10.244.1.2", "n1");
  add("10.244.2.2", "n2");
  for (const char* vip : {kClusterIp, kExternalIp, kBalancer}) {
    EXPECT_EQ(entry(vip).verdict, Verdict::Balance);
    EXPECT_THAT(entry(vip).backends,
                ElementsAre(Backend{ip("10.244.1.2"), 8080}, Backend{ip("10.244.2.2"), 8080}));
  }
  EXPECT_EQ(entry(kClusterIp).traffic, Traffic::Internal);
  EXPECT_EQ(entry(kNode, 30080).traffic, Traffic::ExternalCluster);
}

TEST_F(Programs, InternalLocalBalancesHereDropsElsewhere) {
  service_.internal_policy = TrafficPolicy::Local;
  add("10.244.1.2", "n1");
  add("10.244.2.2", "n2");
  EXPECT_THAT(entry(kClusterIp).backends, ElementsAre(Backend{ip("10.244.1.2"), 8080}));
  EXPECT_TRUE(entry(kClusterIp).is_own);
  EXPECT_EQ(entry(kClusterIp, 80, "n3").verdict, Verdict::Drop);
  EXPECT_THAT(entry(kNode, 30080, "n3").backends, SizeIs(2)) << "the other policy is another matter";
}

TEST_F(Programs, ExternalLocalKeepsAllForPodsAndHereForOthers) {
  service_.external_policy = TrafficPolicy::Local;
  add("10.244.1.2", "n1");
  add("10.244.2.2", "n2");
  for (const auto& [vip, port] :
       {std::pair<const char*, std::uint16_t>{kExternalIp, 80}, {kBalancer, 80}, {kNode, 30080}}) {
    EXPECT_EQ(entry(vip, port).traffic, Traffic::ExternalLocal);
    EXPECT_THAT(entry(vip, port).backends, SizeIs(2));
    EXPECT_THAT(entry(vip, port).local, ElementsAre(Backend{ip("10.244.1.2"), 8080}));
    EXPECT_THAT(entry(vip, port, "n3").local, IsEmpty());
    EXPECT_EQ(entry(vip, port, "n3").verdict, Verdict::Balance) << "for pods";
  }
  EXPECT_EQ(entry(kClusterIp).traffic, Traffic::Internal);
  EXPECT_FALSE(entry(kClusterIp).is_own);
}

TEST_F(Programs, SourceRangesAreTheBalancersAlone) {
  add("10.244.1.2", "n1");
  service_.source_ranges = {prefix("192.0.2.0/24"), prefix("2001:db8::/32")};
  EXPECT_THAT(entry(kBalancer).source_ranges, ElementsAre(prefix("192.0.2.0/24")));
  for (const char* vip : {kClusterIp, kExternalIp}) {
    EXPECT_THAT(entry(vip).source_ranges, IsEmpty());
  }
  EXPECT_THAT(entry(kNode, 30080).source_ranges, IsEmpty());
  service_.source_ranges = {prefix("2001:db8::/32")};
  EXPECT_EQ(entry(kBalancer).verdict, Verdict::Drop);
}

TEST_F(Programs, OfTwoFamiliesEachHasItsOwn) {
  service_.cluster_ips.push_back(ip("fd00:96::9"));
  add("10.244.1.2", "n1");
  add("fd00:10:244:1::2", "n1");
  EXPECT_THAT(entry(kClusterIp).backends, ElementsAre(Backend{ip("10.244.1.2"), 8080}));
  EXPECT_THAT(entry("fd00:96::9").backends, ElementsAre(Backend{ip("fd00:10:244:1::2"), 8080}));
  EXPECT_THAT(program().cluster_ips, ElementsAre(ip(kClusterIp), ip("fd00:96::9")));
}

TEST_F(Programs, AServiceOfOneFamilyHasNothingOfTheOther) {
  service_.external_ips.push_back(ip("2001:db8::7"));
  add("fd00:10:244:1::2", "n1");
  EXPECT_THAT(program().ports, SizeIs(1));
  EXPECT_EQ(entry(kClusterIp).verdict, Verdict::Reject);
}

TEST_F(Programs, HeadlessAndIgnoredServicesHaveNone) {
  add("10.244.1.2", "n1");
  service_.is_ignored = true;
  EXPECT_EQ(program(), NodeProgram{});
  service_.is_ignored = false;
  service_.cluster_ips.clear();
  EXPECT_EQ(program(), NodeProgram{});
}

TEST_F(Programs, NamesAreOfServiceAndPort) {
  EXPECT_EQ(program().ports.at(0).name, "svc default/web:http");
  service_.ports[0].name.clear();
  EXPECT_EQ(program().ports.at(0).name, "svc default/web:80");
}

class HostPortPrograms : public testing::Test {
 protected:
  std::vector<std::string> vips(std::optional<IpAddress> host_ip, std::vector<IpAddress> pod_ips) const {
    model::Pod pod;
    pod.key = {"default", "p"};
    pod.ips = std::move(pod_ips);
    pod.containers.resize(1);
    pod.containers[0].ports = {{"", 8080, 80, Protocol::Tcp, host_ip}, {"", 9090, 0, Protocol::Tcp, {}}};
    std::vector<std::string> found;
    for (const PortProgram& port : host_port_program(pod, {ip("192.0.2.11"), ip("2001:db8::11")}).ports) {
      for (const Entry& entry : port.entries) {
        EXPECT_EQ(entry.traffic, Traffic::HostPort);
        EXPECT_EQ(entry.backends.at(0).port, 8080);
        found.push_back(to_string(entry.vip.address, entry.vip.port));
      }
    }
    return found;
  }
  std::vector<IpAddress> both() const { return {ip("10.244.1.2"), ip("fd00:10:244:1::2")}; }
};

TEST_F(HostPortPrograms, WithoutHostIpAllAddressesAndLoopbackAnswer) {
  EXPECT_THAT(vips({}, both()), ElementsAre("192.0.2.11:80", "127.0.0.1:80", "[2001:db8::11]:80"));
  EXPECT_THAT(vips({}, {ip("fd00:10:244:1::2")}), ElementsAre("[2001:db8::11]:80"));
}

TEST_F(HostPortPrograms, TheUnspecifiedAddressIsAllOfItsFamily) {
  EXPECT_THAT(vips(ip("0.0.0.0"), both()), ElementsAre("192.0.2.11:80", "127.0.0.1:80"));
  EXPECT_THAT(vips(ip("::"), both()), ElementsAre("[2001:db8::11]:80"));
}

TEST_F(HostPortPrograms, AHostIpIsTheOnlyOne) {
  EXPECT_THAT(vips(ip("127.0.0.1"), both()), ElementsAre("127.0.0.1:80"));
  EXPECT_THAT(vips(ip("192.0.2.99"), both()), ElementsAre("192.0.2.99:80"));
  EXPECT_THAT(vips(ip("2001:db8::11"), {ip("10.244.1.2")}), IsEmpty());
}

TEST(RouterPrograms, AProxiedAddressIsSpreadOverFitNodes) {
  model::Service service;
  service.key = {"default", "web"};
  service.cluster_ips = {ip("10.96.0.9")};
  service.ports = {{"http", Protocol::Tcp, 80, 30080}};
  service.proxied_ips = {ip("203.0.113.5")};
  service.source_ranges = {prefix("192.0.2.0/24")};
  const IpAddress nodes[] = {ip("192.0.2.11"), ip("192.0.2.12"), ip("2001:db8::11")};
  const NodeProgram program = router_program(service, nodes);
  ASSERT_THAT(program.ports, SizeIs(1));
  const Entry& entry = program.ports[0].entries.at(0);
  EXPECT_EQ(entry.verdict, Verdict::Balance);
  EXPECT_THAT(entry.backends, ElementsAre(Backend{nodes[0], 30080}, Backend{nodes[1], 30080}));
  EXPECT_THAT(entry.source_ranges, ElementsAre(prefix("192.0.2.0/24")));
  EXPECT_EQ(router_program(service, {}).ports.at(0).entries.at(0).verdict, Verdict::Reject);
  service.source_ranges = {prefix("2001:db8:1::/48")};
  EXPECT_EQ(router_program(service, nodes).ports.at(0).entries.at(0).verdict, Verdict::Drop);
  service.proxied_ips.clear();
  EXPECT_THAT(router_program(service, nodes).ports, IsEmpty());
}

}  // namespace
}  // namespace labctl::service
