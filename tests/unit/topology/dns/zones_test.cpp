// Reverse names, and which zones a cluster has.

#include "topology/dns/zones.hpp"

#include "tests/support/addresses.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::dns {
namespace {

using testing::ElementsAre;

TEST(ReverseName, HasTheOctetsOrNibblesBackwards) {
  EXPECT_EQ(reverse_name(ip("10.96.0.7")), "7.0.96.10.in-addr.arpa.");
  EXPECT_EQ(reverse_name(ip("2001:db8::ab")),
            "b.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.");
}

TEST(ReverseZone, HasTheWholeOctetsOrNibblesOfTheRange) {
  EXPECT_EQ(reverse_zone(prefix("10.96.0.0/16")), "96.10.in-addr.arpa.");
  EXPECT_EQ(reverse_zone(prefix("10.96.0.0/12")), "10.in-addr.arpa.");
  EXPECT_EQ(reverse_zone(prefix("10.96.7.128/25")), "7.96.10.in-addr.arpa.");
  EXPECT_EQ(reverse_zone(prefix("10.96.7.9/32")), "9.7.96.10.in-addr.arpa.");
  EXPECT_EQ(reverse_zone(prefix("8.0.0.0/5")), "8.in-addr.arpa.");
  EXPECT_EQ(reverse_zone(prefix("fd00:10:244::/56")), "0.0.4.4.2.0.0.1.0.0.0.0.d.f.ip6.arpa.");
  EXPECT_EQ(reverse_zone(prefix("fd00::/10")), "d.f.ip6.arpa.");
  EXPECT_EQ(reverse_zone(prefix("8000::/1")), "8.ip6.arpa.");
}

TEST(Zones, AreTheDomainAndTheReverseZonesEachOnce) {
  model::Cluster cluster = model::default_cluster("lab");
  EXPECT_THAT(zones_of(cluster), ElementsAre("cluster.local.", "96.10.in-addr.arpa.", "244.10.in-addr.arpa.",
                                             "_elsewhere.labctl."));
  cluster.dns.domain = "Lab.Example";
  cluster.network.service_cidrs = {prefix("10.96.0.0/12"), prefix("fd00:10:96::/112")};
  cluster.network.pod_cidrs = {prefix("10.128.0.0/9"), prefix("fd00:10::/32")};
  EXPECT_THAT(zones_of(cluster),
              ElementsAre("lab.example.", "10.in-addr.arpa.",
                          "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa.",
                          "0.1.0.0.0.0.d.f.ip6.arpa.", "_elsewhere.labctl."));
}

TEST(Zones, OfADomainThatDnsCannotSayAreRefused) {
  model::Cluster cluster = model::default_cluster("lab");
  cluster.dns.domain = std::string(64, 'a') + ".local";
  EXPECT_THROW(zones_of(cluster), Error);
}

}  // namespace
}  // namespace labctl::dns
