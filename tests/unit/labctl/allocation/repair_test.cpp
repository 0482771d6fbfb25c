#include "labctl/allocation/repair.hpp"

#include "tests/unit/labctl/allocation/service_fixture.hpp"

#include <gmock/gmock.h>

namespace labctl::allocation {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using Found = AllocationRepair::Found;

const std::string kAddresses = "services/10.96.0.0/16";
const std::string kPorts = "nodeports/30000-32767";

class Repair : public ServiceTest {
 protected:
  // "reason name: message" of every event.
  std::vector<std::string> told() const {
    std::vector<std::string> lines;
    for (const store::ObjectPtr& event : store.list("events")) {
      lines.push_back(event->at("reason").get<std::string>() + " " +
                      event->at("involvedObject").at("name").get<std::string>() + ": " +
                      event->at("message").get<std::string>());
    }
    return lines;
  }
  void lose(const std::string& owner) {
    for (const store::Allocation& held : store.allocations().owned_by(owner)) {
      store.allocations().release(held.pool, held.value, owner);
    }
  }
  AllocationRepair repair{store, cluster};
};

TEST_F(Repair, FindsNothingWhereAllAgrees) {
  create("web", service("NodePort", 3));
  EXPECT_EQ(repair.pass(), Found{});
  EXPECT_TRUE(told().empty());
}

TEST_F(Repair, RecordsWhatIsMissing) {
  create("web", service("NodePort"));
  const std::vector<store::Allocation> before = held();
  lose("svc/default/web");
  EXPECT_EQ(repair.pass(), (Found{.recorded = 2}));
  EXPECT_EQ(held(), before);
  EXPECT_THAT(told(), ::testing::UnorderedElementsAre(
                          "ClusterIPNotAllocated web: Cluster IP [IPv4]:" + address_of("web") +
                              " is not allocated; repairing",
                          "PortNotAllocated web: Port " + std::to_string(node_port_of("web")) +
                              " is not allocated; repairing"));
  EXPECT_EQ(repair.pass(), Found{});
}

TEST_F(Repair, ReleasesALeakAfterThreePassesInARow) {
  store.allocations().claim(kAddresses, "10.96.5.5", "svc/default/gone");
  EXPECT_EQ(repair.pass(), (Found{.leaked = 1}));
  EXPECT_EQ(repair.pass(), (Found{.leaked = 1}));
  EXPECT_EQ(repair.pass(), (Found{.released = 1}));
  EXPECT_TRUE(held().empty());
  EXPECT_EQ(repair.pass(), Found{});
}

TEST_F(Repair, ALeakThatFoundItsServiceStartsAnew) {
  store.allocations().claim(kPorts, "30005", "svc/default/web");
  repair.pass();
  repair.pass();
  store.create(key("web"), [] {
    json object = service("NodePort");
    object["spec"]["clusterIP"] = "None";
    object["spec"]["ports"][0]["nodePort"] = 30005;
    return object;
  }());
  EXPECT_EQ(repair.pass(), Found{});
  EXPECT_EQ(held_by("web"), 1U);
}

TEST_F(Repair, OfTwoWithOneValueTheFirstKeepsIt) {
  create("first", service("NodePort"));
  json twin = service("NodePort");
  twin["spec"]["clusterIP"] = address_of("first");
  twin["spec"]["ports"][0]["nodePort"] = node_port_of("first");
  store.create(key("a-twin"), twin);  // past the allocation
  EXPECT_EQ(repair.pass(), (Found{.duplicates = 2}));
  EXPECT_EQ(held_by("first"), 2U);
  EXPECT_EQ(store.get(key("a-twin"))->at("spec").at("clusterIP"), address_of("first"))
      << "nothing is renumbered";
  EXPECT_THAT(told(), ::testing::UnorderedElementsAre(
                          ::testing::StartsWith("ClusterIPAlreadyAllocated a-twin: Cluster IP [IPv4]:"),
                          ::testing::StartsWith("PortAlreadyAllocated a-twin: Port ")));
}

TEST_F(Repair, AValueWhoseOwnerIsGoneIsTheServicesOwnAtOnce) {
  create("web");
  lose("svc/default/web");
  store.allocations().claim(kAddresses, address_of("web"), "svc/default/ghost");
  EXPECT_EQ(repair.pass(), (Found{.recorded = 1}));
  EXPECT_EQ(held_by("web"), 1U);
}

TEST_F(Repair, OutOfEveryRangeIsTold) {
  json object = service("NodePort");
  object["spec"]["clusterIP"] = "172.16.0.1";
  object["spec"]["ports"][0]["nodePort"] = 80;
  store.create(key("web"), object);
  EXPECT_EQ(repair.pass(), (Found{.out_of_range = 2}));
  EXPECT_TRUE(held().empty());
  EXPECT_THAT(
      told(),
      ::testing::UnorderedElementsAre(
          "ClusterIPOutOfRange web: Cluster IP [IPv4]:172.16.0.1 is not within the range 10.96.0.0/16; "
          "please recreate service",
          "PortOutOfRange web: Port 80 is not within the range 30000-32767; please recreate service"));
}

}  // namespace
}  // namespace labctl::allocation
