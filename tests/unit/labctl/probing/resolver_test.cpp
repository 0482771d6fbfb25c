#include "labctl/probing/resolver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::probing {
namespace {

using testing::ElementsAre;

std::vector<std::string> names(const std::string& name, const Resolver& resolver) {
  std::vector<std::string> names;
  for (const protocol::DnsQuestion& question : candidates(name, "AAAA", resolver)) {
    EXPECT_EQ(question.type, "AAAA");
    names.push_back(question.name);
  }
  return names;
}

Resolver of_a_pod() {
  return {
      {*IpAddress::parse("10.96.0.10")}, {"shop.svc.cluster.local", "svc.cluster.local", "cluster.local"}, 5};
}

TEST(Resolver, NamesWithFewDotsAreSearchedFirst) {
  EXPECT_THAT(names("web", of_a_pod()),
              ElementsAre("web.shop.svc.cluster.local", "web.svc.cluster.local", "web.cluster.local", "web"));
  EXPECT_EQ(names("a.b.c.d.e", of_a_pod()).back(), "a.b.c.d.e");  // four dots
}

TEST(Resolver, NamesWithNdotsDotsAreAskedAsTheyAreFirst) {
  EXPECT_EQ(names("a.b.c.d.e.f", of_a_pod()).front(), "a.b.c.d.e.f");
  EXPECT_EQ(names("a.b.c.d.e.f", of_a_pod()).size(), 4u);
  EXPECT_THAT(names("www.example.org", {{}, {"lab"}, 1}),
              ElementsAre("www.example.org", "www.example.org.lab"));
  EXPECT_THAT(names("www", {{}, {"lab"}, 0}), ElementsAre("www", "www.lab"));
}

TEST(Resolver, AFinalDotLeavesNothingToSearch) {
  EXPECT_THAT(names("web.", of_a_pod()), ElementsAre("web."));
}

TEST(Resolver, WithoutSearchDomainsTheNameIsAsked) {
  EXPECT_THAT(names("web", {}), ElementsAre("web"));
  EXPECT_THAT(names("web", {{}, {"."}, 1}), ElementsAre("web", "web"));
}

TEST(Resolver, AllOfThirtyTwoDomainsAreSearched) {
  Resolver resolver;
  for (int i = 0; i < 32; ++i) {
    resolver.searches.push_back("domain-" + std::to_string(i) + ".example.test");
  }
  const auto searched = names("web", resolver);
  ASSERT_EQ(searched.size(), 33u);
  EXPECT_EQ(searched[31], "web.domain-31.example.test");
  EXPECT_EQ(searched[32], "web");
}

TEST(Resolver, NamesThatBecomeTooLongAreLeftOut) {
  const std::string label(60, 'x');
  const std::string domain = label + "." + label + "." + label + "." + label;
  EXPECT_THAT(names("a-name-of-many-letters", {{}, {domain, "lab"}, 1}),
              ElementsAre("a-name-of-many-letters.lab", "a-name-of-many-letters"));
}

}  // namespace
}  // namespace labctl::probing
