#include "labctl/apiserver/service_strategy.hpp"

#include "labctl/apiserver/resource_rules.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace labctl::apiserver {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

json service_with(const std::string& spec) {
  return {{"kind", "Service"}, {"metadata", {{"name", "web"}}}, {"spec", json::parse(spec)}};
}

const json kLoadBalancer = service_with(
    R"({"type":"LoadBalancer","clusterIP":"10.96.0.20","clusterIPs":["10.96.0.20"],"ipFamilies":["IPv4"],
        "ipFamilyPolicy":"SingleStack","externalTrafficPolicy":"Local","healthCheckNodePort":32000,
        "loadBalancerClass":"a/b","allocateLoadBalancerNodePorts":true,
        "ports":[{"port":80,"nodePort":30080}]})");

const json kDual = service_with(
    R"({"type":"ClusterIP","clusterIP":"10.96.0.20","clusterIPs":["10.96.0.20","fd00::20"],
        "ipFamilies":["IPv4","IPv6"],"ipFamilyPolicy":"PreferDualStack","ports":[{"port":80}]})");

TEST(LetGo, SingleStackGivesTheSecondFamilyBack) {
  json wanted = kDual;
  wanted["spec"]["ipFamilyPolicy"] = "SingleStack";
  keep_what_is_ours(kDual, wanted);
  EXPECT_EQ(wanted["spec"]["clusterIPs"], json::array({"10.96.0.20"}));
  EXPECT_EQ(wanted["spec"]["ipFamilies"], json::array({"IPv4"}));
  EXPECT_THAT(changed_fixed_fields(kDual, wanted), IsEmpty());
}

TEST(LetGo, SingleStackIsEnoughToSay) {
  json wanted = service_with(R"({"type":"ClusterIP","ipFamilyPolicy":"SingleStack","ports":[{"port":80}]})");
  let_go_of_second_family(kDual, wanted);
  EXPECT_EQ(wanted["spec"]["clusterIP"], "10.96.0.20");
  EXPECT_EQ(wanted["spec"]["clusterIPs"], json::array({"10.96.0.20"}));
  wanted = kDual;
  wanted["spec"]["ipFamilyPolicy"] = "SingleStack";
  wanted["spec"]["clusterIPs"] = {"10.96.0.20", "fd00::21"};
  let_go_of_second_family(kDual, wanted);
  EXPECT_EQ(wanted["spec"]["clusterIPs"].size(), 2U) << "what the client says is to be refused, not mended";
}

TEST(LetGo, SurvivesObjectsOfAnyShape) {
  for (const char* text :
       {"{}", R"({"kind":"Service","spec":[]})", R"({"kind":"Service","spec":{"ports":{"a":1},"type":7}})",
        R"({"kind":"Service","spec":{"ports":[1,{"nodePort":{}}],"clusterIPs":"x","type":"ClusterIP"}})"}) {
    json wanted = json::parse(text);
    EXPECT_NO_THROW(let_go_of_second_family(kLoadBalancer, wanted)) << text;
    EXPECT_NO_THROW(let_go_of_second_family(wanted, wanted)) << text;
    EXPECT_NO_THROW(changed_fixed_fields(wanted, kLoadBalancer)) << text;
    EXPECT_NO_THROW(changed_fixed_fields(kLoadBalancer, wanted)) << text;
  }
}

TEST(ServiceUpdate, AddressesStayOnceSet) {
  json after = kLoadBalancer;
  EXPECT_THAT(changed_fixed_fields(kLoadBalancer, after), IsEmpty());
  after["spec"]["clusterIP"] = "10.96.0.21";
  after["spec"]["clusterIPs"] = {"10.96.0.21"};
  EXPECT_THAT(changed_fixed_fields(kLoadBalancer, after),
              ElementsAre("spec.clusterIPs[0]: Invalid value: [\"10.96.0.21\"]: may not change once set"));
  after = kLoadBalancer;
  after["spec"].erase("clusterIP");
  after["spec"].erase("clusterIPs");
  EXPECT_THAT(changed_fixed_fields(kLoadBalancer, after),
              ElementsAre("spec.clusterIPs[0]: Invalid value: []: primary clusterIP can not be unset"));
  EXPECT_THAT(changed_fixed_fields(service_with(R"({"clusterIP":"None"})"),
                                   service_with(R"({"clusterIP":"10.96.0.9"})")),
              ElementsAre("spec.clusterIPs[0]: Invalid value: [\"10.96.0.9\"]: may not change once set"));
}

TEST(ServiceUpdate, AnythingGoesFromAndToExternalName) {
  const json external = service_with(R"({"type":"ExternalName","externalName":"a.b"})");
  EXPECT_THAT(changed_fixed_fields(external, kLoadBalancer), IsEmpty());
  EXPECT_THAT(changed_fixed_fields(kLoadBalancer, external), IsEmpty());
}

TEST(ServiceUpdate, TheSecondFamilyComesAndGoesWithThePolicy) {
  json single = kDual;
  single["spec"]["clusterIPs"] = {"10.96.0.20"};
  single["spec"]["ipFamilies"] = {"IPv4"};
  EXPECT_THAT(changed_fixed_fields(single, kDual), IsEmpty());
  EXPECT_THAT(changed_fixed_fields(kDual, single),
              ElementsAre("spec.ipFamilyPolicy: Invalid value: \"PreferDualStack\": must be set to "
                          "'SingleStack' when releasing the secondary clusterIP",
                          "spec.ipFamilyPolicy: Invalid value: \"PreferDualStack\": must be set to "
                          "'SingleStack' when releasing the secondary ipFamily"));
  json turned = kDual;
  turned["spec"]["ipFamilies"] = {"IPv6", "IPv4"};
  EXPECT_THAT(changed_fixed_fields(kDual, turned),
              ElementsAre("spec.ipFamilies[0]: Invalid value: [\"IPv6\",\"IPv4\"]: may not change once set",
                          "spec.ipFamilies[1]: Invalid value: [\"IPv6\",\"IPv4\"]: may not change once set"));
}

TEST(ServiceUpdate, ClassAndHealthPortOfABalancerStay) {
  json after = kLoadBalancer;
  after["spec"]["loadBalancerClass"] = "c/d";
  after["spec"]["healthCheckNodePort"] = 32001;
  EXPECT_THAT(changed_fixed_fields(kLoadBalancer, after),
              ElementsAre("spec.loadBalancerClass: Invalid value: \"c/d\": may not change once set",
                          "spec.healthCheckNodePort: Invalid value: 32001: field is immutable"));
  after["spec"]["externalTrafficPolicy"] = "Cluster";
  after["spec"]["loadBalancerClass"] = "a/b";
  EXPECT_THAT(changed_fixed_fields(kLoadBalancer, after), IsEmpty());
}

TEST(ServiceUpdate, IsRefusedWithEveryField) {
  json after = kLoadBalancer;
  after["spec"]["clusterIPs"] = {"10.96.0.21"};
  after["spec"]["loadBalancerClass"] = nullptr;
  try {
    check_unchanged("services", kLoadBalancer, after);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
    EXPECT_EQ(
        error.message(),
        "Service \"web\" is invalid: spec.clusterIPs[0]: Invalid value: [\"10.96.0.21\"]: may not change "
        "once set; spec.loadBalancerClass: Invalid value: null: may not change once set");
  }
}

TEST(EndpointSliceUpdate, TheAddressTypeStays) {
  const json before = {{"kind", "EndpointSlice"}, {"addressType", "IPv4"}};
  json after = before;
  after["endpoints"] = json::array();
  EXPECT_NO_THROW(check_unchanged("endpointslices", before, after));
  after["addressType"] = "IPv6";
  EXPECT_THAT(changed_fixed_fields(before, after),
              ElementsAre("addressType: Invalid value: \"IPv6\": field is immutable"));
  EXPECT_THROW(check_unchanged("endpointslices", before, after), Error);
}

TEST(PrepareNewService, StartsWithAnEmptyStatus) {
  json service = kLoadBalancer;
  service["status"] = {{"loadBalancer", {{"ingress", {{{"ip", "203.0.113.1"}}}}}}};
  prepare_new("services", service);
  EXPECT_EQ(service["status"], (json{{"loadBalancer", json::object()}}));
}

}  // namespace
}  // namespace labctl::apiserver
