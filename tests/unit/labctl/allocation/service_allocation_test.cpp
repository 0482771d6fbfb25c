#include "labctl/allocation/service_allocation.hpp"

#include "labctl/objects/deletion.hpp"
#include "tests/unit/labctl/allocation/service_fixture.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>

#include <set>

namespace labctl::allocation {
namespace {

using nlohmann::json;
using objects::delete_object;
using ::testing::HasSubstr;

json asking(const std::string& ip) {
  json object = service();
  object["spec"]["clusterIP"] = ip;
  return object;
}

json asking_port(int port) {
  json object = service("NodePort");
  object["spec"]["ports"][0]["nodePort"] = port;
  return object;
}

class TinyRange : public ServiceTest {
 protected:
  TinyRange() : ServiceTest(service_cluster({"10.0.0.0/28"})) {}
};
class ClassC : public ServiceTest {
 protected:
  ClassC() : ServiceTest(service_cluster({"10.0.0.0/24"})) {}
};

TEST_F(TinyRange, ThirteenMoreThanTheFirstThenNoneThenOneAgain) {
  create("kubernetes", asking("10.0.0.1"));
  for (int i = 0; i < 13; ++i) {
    create("web-" + std::to_string(i));
  }
  EXPECT_EQ(refusal([&] { create("late"); }),
            "Service \"late\" is invalid: spec.clusterIPs: Internal error: failed to allocate a serviceIP: "
            "range is full");
  const std::string freed = address_of("web-4");
  delete_object(store, key("web-4"));
  create("late");
  EXPECT_EQ(address_of("late"), freed);
}

TEST_F(ClassC, AHundredComeFromTheDynamicBandAndTheRestFromBoth) {
  for (int i = 0; i < 238; ++i) {
    create("web-" + std::to_string(i));
    const auto number =
        number_of(*Prefix::parse("10.0.0.0/24"), *IpAddress::parse(address_of("web-" + std::to_string(i))));
    ASSERT_GE(*number, 16U) << "below .17";
  }
  create("static", asking("10.0.0.5"));
  EXPECT_EQ(address_of("static"), "10.0.0.5");
  for (int i = 0; i < 15; ++i) {
    create("more-" + std::to_string(i));
  }
  EXPECT_THAT(refusal([&] { create("late"); }), HasSubstr("range is full"));
  EXPECT_EQ(held().size(), 254U);
}

TEST_F(ClassC, WhatIsTakenOutOfRangeOrNoHostAddressIsRefused) {
  create("a", asking("10.0.0.5"));
  EXPECT_EQ(refusal([&] { create("b", asking("10.0.0.5")); }),
            "Service \"b\" is invalid: spec.clusterIPs: Invalid value: []string{\"10.0.0.5\"}: failed to "
            "allocate IP 10.0.0.5: provided IP is already allocated");
  for (const char* ip : {"10.0.0.0", "10.0.0.255", "10.0.1.1", "192.168.0.1"}) {
    EXPECT_THAT(refusal([&] { create("b", asking(ip)); }),
                HasSubstr("provided IP is not in the valid range. The range of valid IPs is 10.0.0.0/24"))
        << ip;
  }
  EXPECT_THAT(refusal([&] { create("b", asking("nonsense")); }), HasSubstr("must be a valid IP address"));
  EXPECT_THAT(refusal([&] { create("b", asking("fd00::1")); }),
              HasSubstr("IPv6 is not configured on this cluster"));
  EXPECT_EQ(create("b", asking("10.0.0.200"))["spec"]["clusterIPs"], json({"10.0.0.200"}));
}

TEST_F(ServiceTest, NodePortsAreRefusedInKubectlsWords) {
  create("a", asking_port(30001));
  EXPECT_EQ(
      refusal([&] { create("b", asking_port(30001)); }),
      "Service \"b\" is invalid: spec.ports[0].nodePort: Invalid value: 30001: provided port is already "
      "allocated");
  EXPECT_EQ(refusal([&] { create("b", asking_port(29999)); }),
            "Service \"b\" is invalid: spec.ports[0].nodePort: Invalid value: 29999: provided port is not in "
            "the valid range. The range of valid ports is 30000-32767");
  // Another protocol is no other number.
  json udp = asking_port(30001);
  udp["spec"]["ports"][0]["protocol"] = "UDP";
  EXPECT_THAT(refusal([&] { create("b", udp); }), HasSubstr("already allocated"));
  delete_object(store, key("a"));
  create("b", udp);
  EXPECT_EQ(node_port_of("b"), 30001);
}

TEST_F(ServiceTest, AllMistakesAreToldAtOnceAndNothingIsKept) {
  create("a", asking_port(30001));
  json object = service("NodePort", 3);
  object["spec"]["clusterIP"] = address_of("a");
  object["spec"]["ports"][0]["nodePort"] = 30001;
  object["spec"]["ports"][1]["nodePort"] = 30002;
  object["spec"]["ports"][2]["nodePort"] = 99;
  const std::string message = refusal([&] { create("b", object); });
  EXPECT_THAT(message, HasSubstr("spec.clusterIPs: Invalid value"));
  EXPECT_THAT(message, HasSubstr("spec.ports[0].nodePort: Invalid value: 30001: provided port is already"));
  EXPECT_THAT(message, HasSubstr("spec.ports[2].nodePort: Invalid value: 99: provided port is not in"));
  EXPECT_THAT(message, ::testing::Not(HasSubstr("ports[1]")));
}

TEST_F(ServiceTest, DynamicNodePortsComeFromTheUpperBand) {
  std::set<std::int64_t> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string name = "web-" + std::to_string(i);
    create(name, service("NodePort"));
    EXPECT_GE(node_port_of(name), 30086);
    EXPECT_LE(node_port_of(name), 32767);
    EXPECT_TRUE(seen.insert(node_port_of(name)).second);
  }
}

TEST_F(ServiceTest, OneNumberServesSeveralProtocolsOfOneService) {
  json dns = service("NodePort", 2);
  dns["spec"]["ports"][1]["port"] = 80;
  dns["spec"]["ports"][1]["protocol"] = "UDP";
  create("chosen", dns);
  EXPECT_EQ(node_port_of("chosen", 0), node_port_of("chosen", 1));
  dns["spec"]["ports"][0]["nodePort"] = 30053;
  dns["spec"]["ports"][1]["nodePort"] = 30053;
  create("asked", dns);
  EXPECT_EQ(node_port_of("asked", 1), 30053);
  EXPECT_EQ(held_by("asked"), 2U);
}

TEST_F(ServiceTest, APortMayGetASecondProtocolOnItsNumberLater) {
  create("web", service("NodePort"));
  const std::int64_t number = node_port_of("web");
  update("web", [&](json& object) {
    object["spec"]["ports"][0]["name"] = "tcp";
    object["spec"]["ports"].push_back(
        {{"name", "udp"}, {"port", 80}, {"protocol", "UDP"}, {"nodePort", number}});
  });
  EXPECT_EQ(node_port_of("web", 0), number);
  EXPECT_EQ(node_port_of("web", 1), number);
  update("web", [](json& object) { object["spec"]["ports"].erase(0); });
  EXPECT_EQ(node_port_of("web", 0), number);
  EXPECT_EQ(held_by("web"), 2U) << "the number is still used by the other protocol";
}

TEST_F(ServiceTest, ARemovedPortGivesItsNumberBack) {
  create("web", service("NodePort", 2));
  const std::int64_t gone = node_port_of("web", 1);
  update("web", [](json& object) { object["spec"]["ports"].erase(1); });
  EXPECT_EQ(held_by("web"), 2U);
  create("other", asking_port(static_cast<int>(gone)));
}

TEST_F(ServiceTest, AnUpdateThatIsRefusedChangesNothing) {
  create("a", asking_port(30001));
  create("b", service("NodePort", 2));
  EXPECT_THAT(refusal([&] {
                update("b", [](json& object) {
                  object["spec"]["ports"][0]["nodePort"] = 30777;
                  object["spec"]["ports"][1]["nodePort"] = 30001;
                });
              }),
              HasSubstr("spec.ports[1].nodePort"));
  create("c", asking_port(30777));
}

TEST_F(ServiceTest, AStaleUpdateGivesBackWhatItClaimed) {
  create("web", service("NodePort"));
  EXPECT_THAT(refusal([&] {
                update("web", [](json& object) {
                  object["metadata"]["resourceVersion"] = "1000";
                  object["spec"]["ports"][0]["nodePort"] = 30777;
                });
              }),
              HasSubstr("the object has been modified"));
  create("c", asking_port(30777));
}

TEST_F(ServiceTest, AnUpdateThatSaysNothingOfThemKeepsAllValues) {
  json object = service("LoadBalancer", 2);
  object["spec"]["externalTrafficPolicy"] = "Local";
  const json made = create("web", object);
  json again = *store.get(key("web"));
  object["spec"]["selector"]["app"] = "other";
  again["spec"] = object["spec"];
  const json after = *services.update(key("web"), again);
  for (const char* name :
       {"clusterIP", "clusterIPs", "healthCheckNodePort", "ipFamilies", "ipFamilyPolicy", "ports"}) {
    EXPECT_EQ(after["spec"][name], made["spec"][name]) << name;
  }
  EXPECT_GT(after["spec"]["healthCheckNodePort"], 0);
  EXPECT_EQ(held_by("web"), 4U);
}

TEST_F(ServiceTest, NodePortsFollowPortAndProtocolThenTheName) {
  create("web", service("NodePort", 2));
  const std::int64_t first = node_port_of("web", 0), second = node_port_of("web", 1);
  update("web", [](json& object) {
    json& ports = object["spec"]["ports"];
    std::swap(ports[0], ports[1]);
    ports[0].erase("nodePort");
    ports[1].erase("nodePort");
    ports[0]["name"] = "renamed";
    ports[1]["port"] = 9999;
  });
  EXPECT_EQ(node_port_of("web", 0), second);
  EXPECT_EQ(node_port_of("web", 1), first);
}

TEST_F(ServiceTest, EveryWayOfDeletionGivesBack) {
  create("removed", service("NodePort"));
  create("deleted", service("NodePort"));
  EXPECT_EQ(held().size(), 4U);
  store.remove(key("removed"));
  delete_object(store, key("deleted"));
  EXPECT_TRUE(held().empty());
}

TEST_F(ServiceTest, ARestoredSnapshotHasItsValuesAgain) {
  create("kept", service("NodePort"));
  const std::vector<store::Allocation> before = held();
  const store::Store::Snapshot snapshot = store.snapshot();
  store.remove(key("kept"));
  create("new", service("NodePort"));
  update("new", [](json& object) { object["spec"]["ports"][0]["nodePort"] = 30500; });
  store.restore(snapshot);
  EXPECT_EQ(held(), before);
  create("more", asking_port(30500));
}

TEST_F(ServiceTest, ReCreationGetsAnotherAddress) {
  create("web");
  const std::string first = address_of("web");
  store.remove(key("web"));
  create("web");
  EXPECT_NE(address_of("web"), first);
}

TEST_F(ServiceTest, TheSameServicesHaveTheSameAddressesInAnyOrder) {
  store::Store other_store{"test", clock};
  ServiceAllocation other{other_store, cluster};
  for (int i = 0; i < 20; ++i) {
    create("web-" + std::to_string(i), service("NodePort"));
    const std::string name = "web-" + std::to_string(19 - i);
    other.create(key(name), service("NodePort"));
  }
  for (int i = 0; i < 20; ++i) {
    const std::string name = "web-" + std::to_string(i);
    EXPECT_EQ(other_store.get(key(name))->at("spec"), store.get(key(name))->at("spec"));
  }
}

TEST_F(ServiceTest, ATryGivesNothingOut) {
  const std::uint64_t version = store.version();
  const auto shown = services.try_create(key("web"), service("NodePort"));
  EXPECT_GT(shown->at("spec").at("ports").at(0).at("nodePort"), 0);
  EXPECT_EQ(store.version(), version);
  EXPECT_TRUE(held().empty());
  EXPECT_EQ(create("web", service("NodePort"))["spec"], shown->at("spec"));
  services.try_update(key("web"), service("ClusterIP"));
  EXPECT_EQ(held_by("web"), 2U);
  EXPECT_THROW(services.try_create(key("web"), service()), Error);
}

TEST_F(ServiceTest, ManyAtOnceGiveWhatIsAskedForFirst) {
  const json chosen = *services.try_create(key("a"), service("NodePort"));
  json asks = asking(chosen["spec"]["clusterIP"]);
  services.create_all({{key("a"), service("NodePort"), "f.yaml:1"}, {key("b"), asks, "f.yaml:9"}});
  EXPECT_EQ(address_of("b"), chosen["spec"]["clusterIP"]);
  EXPECT_NE(address_of("a"), address_of("b"));
  EXPECT_THAT(
      refusal([&] {
        services.create_all({{key("c"), service("NodePort"), "f.yaml:1"}, {key("d"), asks, "f.yaml:9"}});
      }),
      ::testing::StartsWith("f.yaml:9: Service \"d\" is invalid: spec.clusterIPs"));
}

TEST_F(ServiceTest, HealthCheckPortComesAndGoesWithThePolicyLocal) {
  json object = service("LoadBalancer");
  object["spec"]["externalTrafficPolicy"] = "Local";
  const std::int64_t port = create("web", object)["spec"]["healthCheckNodePort"];
  EXPECT_THAT(refusal([&] { update("web", [](json& o) { o["spec"]["healthCheckNodePort"] = 31000; }); }),
              HasSubstr("spec.healthCheckNodePort: Invalid value: 31000: field is immutable"));
  EXPECT_FALSE(
      update("web", [](json& o) { o["spec"]["externalTrafficPolicy"] = "Cluster"; })["spec"].contains(
          "healthCheckNodePort"));
  create("other", asking_port(static_cast<int>(port)));
  const json back = update("web", [](json& o) { o["spec"]["externalTrafficPolicy"] = "Local"; });
  EXPECT_NE(back["spec"]["healthCheckNodePort"], port);
  object["spec"]["healthCheckNodePort"] = 30099;
  EXPECT_EQ(create("asked", object)["spec"]["healthCheckNodePort"], 30099);
  EXPECT_THAT(
      refusal([&] { create("late", object); }),
      HasSubstr("spec.healthCheckNodePort: Invalid value: 30099: provided port is already allocated"));
}

TEST_F(ServiceTest, ABalancerWithoutNodePortsHasOnlyThoseItAsksFor) {
  json object = service("LoadBalancer", 2);
  object["spec"]["allocateLoadBalancerNodePorts"] = false;
  object["spec"]["ports"][1]["nodePort"] = 30010;
  create("web", object);
  EXPECT_EQ(node_port_of("web", 0), 0);
  EXPECT_EQ(node_port_of("web", 1), 30010);
  update("web", [](json& o) { o["spec"]["ports"][1].erase("nodePort"); });
  EXPECT_EQ(held_by("web"), 1U) << "the ClusterIP alone";
}

TEST_F(ServiceTest, TenThousandServicesAtOnce) {
  std::vector<ServiceAllocation::New> many;
  for (int i = 0; i < 10'000; ++i) {
    many.push_back({key("web-" + std::to_string(i)), service(i < 2'000 ? "NodePort" : "ClusterIP"), ""});
  }
  services.create_all(std::move(many));
  EXPECT_EQ(held().size(), 12'000U);
  EXPECT_EQ(store.count("services"), 10'000U);
}

}  // namespace
}  // namespace labctl::allocation
