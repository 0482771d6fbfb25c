#include "labctl/allocation/service_families.hpp"

#include "tests/unit/labctl/allocation/service_fixture.hpp"

#include <gmock/gmock.h>

namespace labctl::allocation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json with(json fields, const std::string& type = "ClusterIP") {
  json object = service(type);
  object["spec"].update(fields);
  return object;
}

class DualStack : public ServiceTest {
 protected:
  DualStack() : ServiceTest(service_cluster({"10.96.0.0/16", "fd00:10:96::/112"})) {}
  std::string families(const std::string& name) const {
    std::string text;
    for (const json& ip : store.get(key(name))->at("spec").at("clusterIPs")) {
      text += IpAddress::parse(ip.get<std::string>())->family() == Family::IPv4 ? '4' : '6';
    }
    return text;
  }
};

TEST_F(ServiceTest, OnASingleStackCluster) {
  EXPECT_EQ(create("a")["spec"]["ipFamilyPolicy"], "SingleStack");
  const json preferred = create("b", with({{"ipFamilyPolicy", "PreferDualStack"}}));
  EXPECT_EQ(preferred["spec"]["ipFamilies"], json({"IPv4"}));
  EXPECT_EQ(preferred["spec"]["ipFamilyPolicy"], "PreferDualStack");
  EXPECT_EQ(
      refusal([&] {
        create("c", with({{"ipFamilyPolicy", "RequireDualStack"}}));
      }),
      "Service \"c\" is invalid: spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster "
      "is not configured for dual-stack services");
  EXPECT_THAT(refusal([&] {
                create("c", with({{"ipFamilies", {"IPv6"}}}));
              }),
              HasSubstr("spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster"));
}

TEST_F(ServiceTest, HeadlessWithoutSelectorHasBothFamiliesEverywhere) {
  json object = with({{"clusterIP", "None"}});
  object["spec"].erase("selector");
  const json made = create("a", object);
  EXPECT_EQ(made["spec"]["ipFamilyPolicy"], "RequireDualStack");
  EXPECT_EQ(made["spec"]["ipFamilies"], json({"IPv4", "IPv6"}));
  object["spec"]["ipFamilyPolicy"] = "SingleStack";
  EXPECT_EQ(create("b", object)["spec"]["ipFamilies"], json({"IPv4"}));
}

TEST_F(DualStack, PoliciesAndOrders) {
  create("single");
  create("single6", with({{"ipFamilies", {"IPv6"}}}));
  create("prefer", with({{"ipFamilyPolicy", "PreferDualStack"}}));
  create("require6", with({{"ipFamilyPolicy", "RequireDualStack"}, {"ipFamilies", {"IPv6"}}}));
  create("both", with({{"ipFamilyPolicy", "RequireDualStack"}, {"ipFamilies", {"IPv6", "IPv4"}}}));
  EXPECT_EQ(families("single"), "4");
  EXPECT_EQ(families("single6"), "6");
  EXPECT_EQ(families("prefer"), "46");
  EXPECT_EQ(families("require6"), "64");
  EXPECT_EQ(families("both"), "64");
  for (const store::ObjectPtr& object : store.list("services")) {
    EXPECT_EQ(object->at("spec").at("clusterIP"), object->at("spec").at("clusterIPs").at(0));
  }
}

TEST_F(DualStack, AnAddressThatIsAskedForSaysItsFamily) {
  const json made =
      create("a", with({{"clusterIP", "fd00:10:96::5"}, {"ipFamilyPolicy", "PreferDualStack"}}));
  EXPECT_EQ(made["spec"]["ipFamilies"], json({"IPv6", "IPv4"}));
  EXPECT_EQ(made["spec"]["clusterIPs"][0], "fd00:10:96::5");
  EXPECT_THAT(refusal([&] {
                create("b", with({{"clusterIP", "10.96.0.5"}, {"ipFamilies", {"IPv6"}}}));
              }),
              HasSubstr("expected an IPv6 value as indicated by `ipFamilies[0]`"));
  EXPECT_THAT(refusal([&] {
                create("b", with({{"ipFamilies", {"IPv4", "IPv6"}}}));
              }),
              HasSubstr("must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families"));
}

TEST_F(DualStack, AFailureGivesBothBack) {
  create("a", with({{"clusterIP", "fd00:10:96::5"}}));
  EXPECT_THAT(refusal([&] {
                create("b", with({{"ipFamilyPolicy", "RequireDualStack"},
                                  {"clusterIP", "10.96.0.9"},
                                  {"clusterIPs", {"10.96.0.9", "fd00:10:96::5"}}}));
              }),
              HasSubstr("failed to allocate IP fd00:10:96::5: provided IP is already allocated"));
  create("b", with({{"clusterIP", "10.96.0.9"}}));
}

TEST_F(DualStack, TheSecondFamilyComesAndGoesByThePolicy) {
  create("web", service("NodePort"));
  const std::string first = address_of("web");
  const std::int64_t port = node_port_of("web");
  update("web", [](json& o) { o["spec"]["ipFamilyPolicy"] = "PreferDualStack"; });
  EXPECT_EQ(families("web"), "46");
  EXPECT_EQ(address_of("web"), first);
  EXPECT_EQ(node_port_of("web"), port);
  EXPECT_EQ(held_by("web"), 3U);
  const json back = update("web", [](json& o) { o["spec"]["ipFamilyPolicy"] = "SingleStack"; });
  EXPECT_EQ(back["spec"]["ipFamilies"], json({"IPv4"}));
  EXPECT_EQ(back["spec"]["clusterIPs"], json({first}));
  EXPECT_EQ(held_by("web"), 2U);
}

TEST_F(DualStack, WhatMayNotChangeDoesNot) {
  create("web", with({{"ipFamilyPolicy", "RequireDualStack"}}));
  EXPECT_THAT(refusal([&] { update("web", [](json& o) { o["spec"]["clusterIPs"].erase(1); }); }),
              HasSubstr("must be 'SingleStack' to release the secondary cluster IP"));
  EXPECT_THAT(refusal([&] { update("web", [](json& o) { o["spec"]["clusterIPs"][1] = "fd00:10:96::77"; }); }),
              HasSubstr("spec.clusterIPs[1]: Invalid value"));
  EXPECT_THAT(refusal([&] {
                update("web", [](json& o) {
                  o["spec"]["ipFamilies"] = {"IPv6", "IPv4"};
                  o["spec"]["clusterIPs"] = {o["spec"]["clusterIPs"][1], o["spec"]["clusterIPs"][0]};
                  o["spec"]["clusterIP"] = o["spec"]["clusterIPs"][0];
                });
              }),
              HasSubstr("spec.ipFamilies[0]: Invalid value"));
}

}  // namespace
}  // namespace labctl::allocation
