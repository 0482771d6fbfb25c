#include "labctl/kubelet/pod_files.hpp"
#include "tests/support/addresses.hpp"

#include "tests/unit/labctl/kubelet/pod_life_fakes.hpp"

#include <gtest/gtest.h>

namespace labctl::kubelet::testing {
namespace {

const std::string kHead =
    "# Kubernetes-managed hosts file.\n"
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "fe00::0\tip6-mcastprefix\n"
    "fe00::1\tip6-allnodes\n"
    "fe00::2\tip6-allrouters\n";

PodDns dns() { return {"cluster.local", {ip("10.96.0.10")}, {{"192.0.2.53"}, {"example.org"}, {"edns0"}}}; }

TEST(PodFiles, HostsNamesThePodByEachOfItsAddresses) {
  model::Pod pod = make_pod({"a"});
  pod.ips = {ip("10.244.1.2"), ip("2001:db8::2")};
  EXPECT_EQ(hosts_file(pod, "web-0", "cluster.local"), kHead + "10.244.1.2\tweb-0\n2001:db8::2\tweb-0\n");
}

TEST(HostsFile, AnOverriddenHostnameStandsAlone) {
  model::Pod pod;
  pod.key = {"default", "web-0"};
  pod.subdomain = "db";
  pod.hostname_override = "shop.example.org";
  pod.ips = {*IpAddress::parse("10.244.1.2")};
  const std::string text = hosts_file(pod, model::hostname_of(pod, "cluster.local"), "cluster.local");
  EXPECT_NE(text.find("10.244.1.2\tshop.example.org\n"), std::string::npos) << text;
}

TEST(PodFiles, HostsHasTheFullNameFirstWithASubdomain) {
  model::Pod pod = make_pod({"a"});
  pod.subdomain = "db";
  const std::string line = "10.244.1.2\tweb-0.db.default.svc.cluster.local\tweb-0\n";
  EXPECT_EQ(hosts_file(pod, "web-0", "cluster.local"), kHead + line);
  EXPECT_EQ(hosts_file(pod, "web-0.db.default.svc.cluster.local", "cluster.local"), kHead + line);
}

TEST(PodFiles, APodsNameMayHaveDotsBelowASubdomain) {
  model::Pod pod = make_pod({"a"});
  pod.key.name = "web.v1";
  pod.subdomain = "db";
  const std::string line = "10.244.1.2\tweb.v1.db.default.svc.cluster.local\tweb.v1\n";
  EXPECT_EQ(hosts_file(pod, "web.v1", "cluster.local"), kHead + line);
  pod.hostname = "shop";
  EXPECT_EQ(hosts_file(pod, "shop", "cluster.local"),
            kHead + "10.244.1.2\tshop.db.default.svc.cluster.local\tshop\n");
}

TEST(PodFiles, HostsAliasesFollowAComment) {
  model::Pod pod = make_pod({"a"});
  pod.host_aliases = {{ip("192.0.2.7"), {"db", "db.example.org"}}, {ip("192.0.2.8"), {"cache"}}};
  EXPECT_EQ(hosts_file(pod, "web-0", "cluster.local"),
            kHead +
                "10.244.1.2\tweb-0\n\n# Entries added by "
                "HostAliases.\n192.0.2.7\tdb\tdb.example.org\n192.0.2.8\tcache\n");
}

TEST(PodFiles, HostNetworkPodGetsTheNodesHosts) {
  model::Pod pod = make_pod({"a"});
  pod.host_aliases = {{ip("192.0.2.7"), {"db"}}};
  EXPECT_EQ(hosts_file_of_node("127.0.0.1\tlocalhost", pod),
            "# Kubernetes-managed hosts file (host network).\n127.0.0.1\tlocalhost\n\n"
            "# Entries added by HostAliases.\n192.0.2.7\tdb\n");
}

TEST(PodFiles, ClusterFirstSearchesTheNamespaceAndThenTheNodesDomains) {
  EXPECT_EQ(to_text(pod_resolv_conf(make_pod({"a"}), dns()).conf),
            "search default.svc.cluster.local svc.cluster.local cluster.local example.org\n"
            "nameserver 10.96.0.10\n"
            "options ndots:5\n");
}

TEST(PodFiles, ClusterFirstWithoutAClusterDnsHasNoNameserver) {
  PodDns without = dns();
  without.cluster_dns.clear();
  EXPECT_EQ(
      to_text(pod_resolv_conf(make_pod({"a"}), without).conf),
      "search default.svc.cluster.local svc.cluster.local cluster.local example.org\noptions ndots:5\n");
}

TEST(PodFiles, ClusterFirstOnTheHostNetworkIsTheNodesFile) {
  model::Pod pod = make_pod({"a"});
  pod.host_network = true;
  EXPECT_EQ(pod_resolv_conf(pod, dns()).conf, dns().node);
  pod.dns_policy = model::DnsPolicy::ClusterFirstWithHostNet;
  EXPECT_EQ(pod_resolv_conf(pod, dns()).conf.nameservers, std::vector<std::string>{"10.96.0.10"});
}

TEST(PodFiles, DefaultIsTheNodesFile) {
  model::Pod pod = make_pod({"a"});
  pod.dns_policy = model::DnsPolicy::Default;
  EXPECT_EQ(pod_resolv_conf(pod, dns()).conf, dns().node);
}

TEST(PodFiles, NoneIsOnlyTheDnsConfig) {
  model::Pod pod = make_pod({"a"});
  pod.dns_policy = model::DnsPolicy::None;
  pod.dns_config = {{ip("192.0.2.1")}, {"my.example"}, {"ndots:2"}};
  EXPECT_EQ(to_text(pod_resolv_conf(pod, dns()).conf),
            "search my.example\nnameserver 192.0.2.1\noptions ndots:2\n");
}

TEST(PodFiles, DnsConfigAddsToThePolicyAndItsOptionsWin) {
  model::Pod pod = make_pod({"a"});
  pod.dns_config = {
      {ip("192.0.2.1"), ip("10.96.0.10")}, {"svc.cluster.local", "my.example"}, {"ndots:2", "edns0"}};
  const ResolvConf conf = pod_resolv_conf(pod, dns()).conf;
  EXPECT_EQ(conf.nameservers, (std::vector<std::string>{"10.96.0.10", "192.0.2.1"}));
  EXPECT_EQ(conf.searches.back(), "my.example");
  EXPECT_EQ(conf.searches.size(), 5u);
  EXPECT_EQ(conf.options, (std::vector<std::string>{"ndots:2", "edns0"}));
}

TEST(PodFiles, MoreThanResolversReadIsCutWithANotice) {
  model::Pod pod = make_pod({"a"});
  pod.dns_config.nameservers = {ip("192.0.2.1"), ip("192.0.2.2"), ip("192.0.2.3")};
  for (int index = 0; index < 40; ++index) {
    pod.dns_config.searches.push_back("d" + std::to_string(index) + ".example");
  }
  const PodResolvConf result = pod_resolv_conf(pod, dns());
  EXPECT_EQ(result.conf.nameservers.size(), 3u);
  EXPECT_EQ(result.conf.searches.size(), 32u);
  EXPECT_EQ(result.notices.size(), 2u);
}

TEST(PodFiles, TheClustersServerAndDomainsAreKeptWhenTheListIsCut) {
  model::Pod pod = make_pod({"a"});
  pod.dns_config.nameservers = {ip("192.0.2.1"), ip("192.0.2.2"), ip("192.0.2.3")};
  const PodResolvConf result = pod_resolv_conf(pod, dns());
  EXPECT_EQ(result.conf.nameservers, (std::vector<std::string>{"10.96.0.10", "192.0.2.1", "192.0.2.2"}));
  EXPECT_EQ(result.notices, std::vector<std::string>{
                                "Nameserver limits were exceeded, some nameservers have been omitted, the "
                                "applied nameserver line is: 10.96.0.10 192.0.2.1 192.0.2.2"});
}

TEST(PodFiles, SearchListIsCutTo2048Characters) {
  model::Pod pod = make_pod({"a"});
  pod.dns_config.searches.assign(1, std::string(1500, 'a'));
  pod.dns_config.searches.emplace_back(1500, 'b');
  EXPECT_EQ(pod_resolv_conf(pod, dns()).conf.searches.back(), std::string(1500, 'a'));
}

}  // namespace
}  // namespace labctl::kubelet::testing
