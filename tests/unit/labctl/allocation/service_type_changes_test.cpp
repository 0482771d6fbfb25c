// The rows of network model §5.1, one test each.

#include "tests/unit/labctl/allocation/service_fixture.hpp"

#include <gmock/gmock.h>

namespace labctl::allocation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class TypeChanges : public ServiceTest {
 protected:
  json become(const std::string& type) {
    return update("web", [&](json& object) {
      object["spec"]["type"] = type;
      if (type == "ExternalName") {
        object["spec"]["externalName"] = "www.example.com";
      } else {
        object["spec"].erase("externalName");
      }
    });
  }
};

TEST_F(TypeChanges, ClusterIpToNodePort) {
  const json before = create("web");
  EXPECT_EQ(node_port_of("web"), 0);
  const json after = become("NodePort");
  EXPECT_EQ(after["spec"]["clusterIPs"], before["spec"]["clusterIPs"]);
  EXPECT_GE(node_port_of("web"), 30086);
}

TEST_F(TypeChanges, NodePortToLoadBalancer) {
  create("web", service("NodePort"));
  const std::int64_t port = node_port_of("web");
  become("LoadBalancer");
  EXPECT_EQ(node_port_of("web"), port);
  EXPECT_EQ(held_by("web"), 2U);
}

TEST_F(TypeChanges, LoadBalancerToNodePortAndToClusterIp) {
  create("web", service("LoadBalancer", 2));
  const std::int64_t port = node_port_of("web");
  store.allocations().claim("loadbalancers/203.0.113.0/24", "203.0.113.1", "svc/default/web");
  store.modify(key("web"), [](json& object) {
    object["status"]["loadBalancer"]["ingress"] = {{{"ip", "203.0.113.1"}, {"ipMode", "VIP"}}};
  });
  EXPECT_EQ(held_by("web"), 4U);
  const json node_port = become("NodePort");
  EXPECT_EQ(node_port["status"]["loadBalancer"], json::object());
  EXPECT_EQ(node_port_of("web"), port);
  EXPECT_EQ(held_by("web"), 3U) << "the balancer's address is given back";
  const json cluster_ip = become("ClusterIP");
  EXPECT_FALSE(cluster_ip["spec"]["ports"][0].contains("nodePort"));
  EXPECT_EQ(held_by("web"), 1U);
}

TEST_F(TypeChanges, LoadBalancerFieldsGoWithTheType) {
  json object = service("LoadBalancer");
  object["spec"].update({{"externalTrafficPolicy", "Local"},
                         {"allocateLoadBalancerNodePorts", true},
                         {"loadBalancerClass", "a/b"}});
  create("web", object);
  const json after = become("ClusterIP");
  for (const char* name : {"externalTrafficPolicy", "allocateLoadBalancerNodePorts", "loadBalancerClass",
                           "healthCheckNodePort"}) {
    EXPECT_FALSE(after["spec"].contains(name)) << name;
  }
  EXPECT_EQ(held_by("web"), 1U);
}

TEST_F(TypeChanges, AnyToExternalName) {
  for (const char* type : {"ClusterIP", "NodePort", "LoadBalancer"}) {
    create("web", service(type));
    const json after = become("ExternalName");
    for (const char* name : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}) {
      EXPECT_FALSE(after["spec"].contains(name)) << type << " " << name;
    }
    EXPECT_FALSE(after["spec"]["ports"][0].contains("nodePort")) << type;
    EXPECT_EQ(held_by("web"), 0U) << type;
    store.remove(key("web"));
  }
}

TEST_F(TypeChanges, ExternalNameToClusterIpAndToNodePort) {
  json external = service("ExternalName");
  external["spec"]["externalName"] = "www.example.com";
  EXPECT_FALSE(create("web", external)["spec"].contains("clusterIP"));
  EXPECT_EQ(held_by("web"), 0U);
  become("ClusterIP");
  EXPECT_THAT(address_of("web"), ::testing::StartsWith("10.96."));
  become("ExternalName");
  const json after = become("NodePort");
  EXPECT_EQ(after["spec"]["ipFamilies"], json({"IPv4"}));
  EXPECT_EQ(after["spec"]["ipFamilyPolicy"], "SingleStack");
  EXPECT_GT(node_port_of("web"), 0);
}

// As kubectl users clear it: they write clusterIP: "" and leave clusterIPs alone.
TEST_F(TypeChanges, AnEmptyClusterIpClearsBoth) {
  create("web");
  const json after = update("web", [](json& object) {
    object["spec"]["type"] = "ExternalName";
    object["spec"]["externalName"] = "www.example.com";
    object["spec"]["clusterIP"] = "";
  });
  EXPECT_FALSE(after["spec"].contains("clusterIP"));
  EXPECT_FALSE(after["spec"].contains("clusterIPs"));
  EXPECT_EQ(held_by("web"), 0U);
}

TEST_F(TypeChanges, TheExternalPolicyGoesWithTheExternalIps) {
  json object = service("ClusterIP");
  object["spec"]["externalIPs"] = {"192.0.2.7"};
  object["spec"]["externalTrafficPolicy"] = "Cluster";
  create("web", object);
  const json after = update("web", [](json& changed) { changed["spec"].erase("externalIPs"); });
  EXPECT_FALSE(after["spec"].contains("externalTrafficPolicy"));
}

TEST_F(TypeChanges, AnotherServicePortKeepsTheNodePort) {
  create("web", service("NodePort"));
  const std::int64_t port = node_port_of("web");
  update("web", [](json& object) { object["spec"]["ports"] = {{{"port", 81}, {"protocol", "TCP"}}}; });
  EXPECT_EQ(node_port_of("web"), port);
}

TEST_F(TypeChanges, AnotherNodePortGivesTheOldOneBack) {
  create("web", service("NodePort"));
  const std::int64_t port = node_port_of("web");
  update("web", [](json& object) { object["spec"]["ports"][0]["nodePort"] = 30001; });
  EXPECT_EQ(node_port_of("web"), 30001);
  json other = service("NodePort");
  other["spec"]["ports"][0]["nodePort"] = port;
  create("other", other);
}

TEST_F(TypeChanges, TheClusterIpMayNotChangeOtherwise) {
  create("web");
  EXPECT_THAT(
      refusal([&] { update("web", [](json& object) { object["spec"]["clusterIP"] = "10.96.0.77"; }); }),
      HasSubstr("spec.clusterIPs[0]: Invalid value: []string{\"10.96.0.77\"}: may not change once set"));
  EXPECT_THAT(refusal([&] { update("web", [](json& object) { object["spec"]["clusterIP"] = "None"; }); }),
              HasSubstr("may not change once set"));
  update("web", [](json& object) {
    object["spec"]["clusterIP"] = "";
    object["spec"]["clusterIPs"] = json::array();
  });
  EXPECT_EQ(held_by("web"), 1U);
}

TEST_F(TypeChanges, HeadlessHasNoAddress) {
  json headless = service();
  headless["spec"]["clusterIP"] = "None";
  const json made = create("web", headless);
  EXPECT_EQ(made["spec"]["clusterIPs"], json({"None"}));
  EXPECT_EQ(made["spec"]["ipFamilyPolicy"], "SingleStack");
  EXPECT_EQ(held_by("web"), 0U);
}

}  // namespace
}  // namespace labctl::allocation
