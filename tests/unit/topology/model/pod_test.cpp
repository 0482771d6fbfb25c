#include "topology/model/pod.hpp"

#include <gtest/gtest.h>

namespace labctl::model {
namespace {

Pod pod(std::string name) {
  Pod out;
  out.key = {"default", std::move(name)};
  return out;
}

TEST(HostnameOf, IsThePodsName) { EXPECT_EQ(hostname_of(pod("web-0"), "cluster.local"), "web-0"); }

TEST(HostnameOf, CutsLongNamesAndTrimsTheirEnd) {
  const std::string name = std::string(61, 'a') + "-.b";
  EXPECT_EQ(hostname_of(pod(name), "cluster.local"), std::string(61, 'a'));
}

TEST(HostnameOf, PrefersSpecHostname) {
  Pod p = pod("web-0");
  p.hostname = "shop";
  EXPECT_EQ(hostname_of(p, "cluster.local"), "shop");
}

TEST(HostnameOf, IsTheFullNameOnlyWhenAskedAndWithASubdomain) {
  Pod p = pod("web-0");
  p.subdomain = "web";
  EXPECT_EQ(hostname_of(p, "cluster.local"), "web-0");
  p.set_hostname_as_fqdn = true;
  EXPECT_EQ(hostname_of(p, "cluster.local"), "web-0.web.default.svc.cluster.local");
  p.subdomain.clear();
  EXPECT_EQ(hostname_of(p, "cluster.local"), "web-0");
}

TEST(HostnameOf, AnOverrideCountsBeforeAllElse) {
  Pod p = pod("web-0");
  p.hostname = "shop";
  p.subdomain = "web";
  p.hostname_override = "db.example.org";
  EXPECT_EQ(hostname_of(p, "cluster.local"), "db.example.org");
}

TEST(PodKey, SortsByNamespaceFirst) {
  EXPECT_LT((PodKey{"a", "z"}), (PodKey{"b", "a"}));
  EXPECT_EQ(to_string(PodKey{"default", "web-0"}), "default/web-0");
}

}  // namespace
}  // namespace labctl::model
