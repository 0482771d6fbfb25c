#include "labctl/controllers/load_balancer.hpp"

#include "labctl/controllers/pods/nodes.hpp"
#include "labctl/controllers/reconcile.hpp"
#include "labctl/objects/deletion.hpp"
#include "tests/unit/labctl/allocation/service_fixture.hpp"

#include <gmock/gmock.h>

namespace labctl::controllers {
namespace {

using allocation::service;
using allocation::service_cluster;
using nlohmann::json;
using objects::delete_object;
using objects::has_balancer_finalizer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LoadBalancer : public allocation::ServiceTest {
 protected:
  explicit LoadBalancer(model::Cluster given = service_cluster({"10.96.0.0/16"}))
      : allocation::ServiceTest(std::move(given)) {
    sync_nodes(store, cluster);
  }
  json balanced(const std::string& name, json object = service("LoadBalancer")) {
    create(name, std::move(object));
    return after_run(name);
  }
  json after_run(const std::string& name) {
    reconciler.run();
    EXPECT_FALSE(reconciler.has_work());
    const store::ObjectPtr object = store.find(key(name));
    return object == nullptr ? json() : *object;
  }
  std::vector<std::string> addresses(const std::string& name) {
    std::vector<std::string> found;
    const json service = after_run(name);
    const json ingress = service.value("/status/loadBalancer/ingress"_json_pointer, json::array());
    for (const json& entry : ingress) {
      found.push_back(entry["ip"]);
    }
    return found;
  }
  std::vector<std::string> reasons() const {
    std::vector<std::string> found;
    for (const store::ObjectPtr& event : store.list("events")) {
      found.push_back(event->at("reason"));
    }
    return found;
  }
  Reconciler reconciler{store, cluster, clock};
};

json with_spec(json fields) {
  json object = service("LoadBalancer");
  object["spec"].update(fields);
  return object;
}

TEST_F(LoadBalancer, GivesTheFirstFreeAddressAndSaysSo) {
  const json web = balanced("web");
  EXPECT_EQ(web["status"]["loadBalancer"]["ingress"], json({{{"ip", "203.0.113.1"}, {"ipMode", "VIP"}}}));
  EXPECT_TRUE(has_balancer_finalizer(web));
  EXPECT_THAT(reasons(), ::testing::UnorderedElementsAre("EnsuringLoadBalancer", "EnsuredLoadBalancer"));
  balanced("other");
  EXPECT_THAT(addresses("other"), ElementsAre("203.0.113.2"));
  EXPECT_EQ(store.allocations().owner_of("loadbalancers/203.0.113.0/24", "203.0.113.2"), "svc/default/other");
}

TEST_F(LoadBalancer, DeletionGivesTheAddressBackAndTakesTheObjectOut) {
  balanced("web");
  EXPECT_NE(delete_object(store, key("web")), nullptr);
  EXPECT_NE(store.find(key("web")), nullptr) << "held by its finalizer";
  EXPECT_EQ(after_run("web"), json());
  EXPECT_TRUE(held().empty());
  balanced("other");
  EXPECT_THAT(addresses("other"), ElementsAre("203.0.113.1"));
}

TEST_F(LoadBalancer, ANamespaceThatGoesTakesItsBalancersAlong) {
  store.create({"namespaces", "", "blue"}, {{"kind", "Namespace"}, {"spec", json::object()}});
  json object = service("LoadBalancer");
  services.create({"services", "blue", "web"}, object);
  reconciler.run();
  EXPECT_EQ(held().size(), 3U);
  delete_object(store, {"namespaces", "", "blue"});
  reconciler.run();
  EXPECT_EQ(store.find({"namespaces", "", "blue"}), nullptr);
  EXPECT_TRUE(held().empty());
}

TEST_F(LoadBalancer, ATypeChangeTakesAddressAndFinalizer) {
  balanced("web");
  update("web", [](json& object) { object["spec"]["type"] = "NodePort"; });
  const json after = after_run("web");
  EXPECT_EQ(after["status"]["loadBalancer"], json::object());
  EXPECT_FALSE(after["metadata"].contains("finalizers"));
  EXPECT_EQ(held_by("web"), 2U);
}

TEST_F(LoadBalancer, TheRoutersClassIsServedAndOthersAreNotTouched) {
  balanced("ours", with_spec({{"loadBalancerClass", "labctl.dev/router"}}));
  EXPECT_EQ(addresses("ours").size(), 1U);
  balanced("foreign", with_spec({{"loadBalancerClass", "example.com/other"}}));
  store.modify(key("foreign"), [](json& object) {
    object["status"]["loadBalancer"]["ingress"] = {{{"ip", "192.0.2.7"}}};
  });
  EXPECT_THAT(addresses("foreign"), ElementsAre("192.0.2.7"));
  EXPECT_FALSE(has_balancer_finalizer(after_run("foreign")));
}

TEST_F(LoadBalancer, AnAddressMayBeAskedFor) {
  balanced("web", with_spec({{"loadBalancerIP", "203.0.113.77"}}));
  EXPECT_THAT(addresses("web"), ElementsAre("203.0.113.77"));
  balanced("late", with_spec({{"loadBalancerIP", "203.0.113.77"}}));
  EXPECT_TRUE(addresses("late").empty());
  EXPECT_THAT(reasons(), ::testing::Contains("SyncLoadBalancerFailed"));
  delete_object(store, key("web"));
  EXPECT_THAT(addresses("late"), ElementsAre("203.0.113.77"));
  update("late", [](json& object) { object["spec"]["loadBalancerIP"] = "10.0.0.1"; });
  EXPECT_TRUE(addresses("late").empty());
  update("late", [](json& object) { object["spec"].erase("loadBalancerIP"); });
  EXPECT_THAT(addresses("late"), ElementsAre("203.0.113.1"));
  EXPECT_EQ(held_by("late"), 3U);
}

TEST_F(LoadBalancer, TheIpModeFollowsTheAnnotation) {
  balanced("web");
  update("web", [](json& object) { object["metadata"]["annotations"]["labctl.dev/ip-mode"] = "Proxy"; });
  EXPECT_EQ(after_run("web")["status"]["loadBalancer"]["ingress"][0],
            json({{"ip", "203.0.113.1"}, {"ipMode", "Proxy"}}));
}

TEST_F(LoadBalancer, AClearedStatusIsWrittenAgain) {
  balanced("web");
  store.modify(key("web"), [](json& object) { object["status"]["loadBalancer"] = json::object(); });
  EXPECT_THAT(addresses("web"), ElementsAre("203.0.113.1"));
}

class SmallBalancerRange : public LoadBalancer {
 protected:
  SmallBalancerRange()
      : LoadBalancer([] {
          model::Cluster cluster = service_cluster({"10.96.0.0/16", "fd00:10:96::/112"});
          cluster.network.load_balancer_cidrs = {*Prefix::parse("192.0.2.0/30"),
                                                 *Prefix::parse("2001:db8::/120")};
          return cluster;
        }()) {}
};

TEST_F(SmallBalancerRange, AFullRangeLeavesServicesPendingUntilOneGoes) {
  balanced("a");
  balanced("b");
  balanced("late");
  EXPECT_TRUE(addresses("late").empty());
  EXPECT_EQ(held_by("late"), 2U);
  delete_object(store, key("a"));
  EXPECT_THAT(addresses("late"), ElementsAre("192.0.2.1"));
}

TEST_F(SmallBalancerRange, EachFamilyHasAnAddressAndNothingIsGivenByHalf) {
  balanced("both", with_spec({{"ipFamilyPolicy", "RequireDualStack"}}));
  EXPECT_THAT(addresses("both"), ElementsAre("192.0.2.1", "2001:db8::1"));
  balanced("six", with_spec({{"ipFamilies", {"IPv6"}}}));
  EXPECT_THAT(addresses("six"), ElementsAre("2001:db8::2"));
  balanced("four");
  balanced("late", with_spec({{"ipFamilyPolicy", "RequireDualStack"}, {"ipFamilies", {"IPv6", "IPv4"}}}));
  EXPECT_TRUE(addresses("late").empty());
  EXPECT_EQ(store.allocations().count("loadbalancers/2001:db8::/120"), 2U);
}

}  // namespace
}  // namespace labctl::controllers
