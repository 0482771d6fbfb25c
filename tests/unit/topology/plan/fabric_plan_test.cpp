#include "topology/plan/fabric.hpp"

#include "topology/plan/address_plan.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace labctl::plan {
namespace {

model::Cluster cluster_of(int nodes, model::NetworkMode mode = model::NetworkMode::Routed) {
  model::Cluster cluster = model::default_cluster("test");
  cluster.nodes.clear();
  for (int i = 1; i <= nodes; ++i) {
    cluster.nodes.push_back({"node-" + std::to_string(i), {}, {}, {}});
  }
  cluster.network.mode = mode;
  return give_out_addresses(cluster);
}

PodSlot slot(std::uint32_t number, size_t node, const char* address) {
  return {"pod/default/p" + std::to_string(number), node, {*IpAddress::parse(address)}, number};
}

const Step& step_of(const std::vector<Step>& steps, const std::string& ns) {
  for (const Step& step : steps) {
    if (step.ns == ns) {
      return step;
    }
  }
  ADD_FAILURE() << "no step for " << ns;
  return steps.front();
}

template <typename Change>
std::vector<Change> all(const Step& step) {
  std::vector<Change> found;
  for (const LinkChange& change : step.changes) {
    if (const auto* one = std::get_if<Change>(&change)) {
      found.push_back(*one);
    }
  }
  return found;
}

TEST(FabricPlan, EveryNodeRoutesToEveryOtherNodesPods) {
  const std::vector<Step> steps = plan_fabric(cluster_of(4));
  for (int i = 1; i <= 4; ++i) {
    const Step& node = step_of(steps, "node/node-" + std::to_string(i));
    std::set<std::string> destinations;
    for (const AddRoute& route : all<AddRoute>(node)) {
      destinations.insert(to_string(route.destination));
    }
    EXPECT_EQ(destinations.size(), 4U) << "three pod CIDRs and the default";
    EXPECT_FALSE(destinations.contains("10.244." + std::to_string(i) + ".0/24"));
  }
}

TEST(FabricPlan, TheRouterHasNoRouteToPods) {
  for (const AddRoute& route : all<AddRoute>(step_of(plan_fabric(cluster_of(3)), kRouter))) {
    EXPECT_FALSE(route.destination.overlaps(*Prefix::parse("10.244.0.0/16"))) << to_string(route.destination);
  }
}

TEST(FabricPlan, TheRouterCarriesTheOutsideDnsServersAddresses) {
  constexpr int kLoopback = 1;
  const auto on_loopback = [&](const model::Cluster& cluster) {
    std::vector<std::string> addresses;
    for (const AddAddress& one : all<AddAddress>(step_of(plan_fabric(cluster), kRouter))) {
      if (one.ifindex == kLoopback) {
        addresses.push_back(to_string(Prefix(one.address, one.prefix_length)));
      }
    }
    return addresses;
  };
  model::Cluster cluster = model::default_cluster("test");
  cluster.families = {Family::IPv4, Family::IPv6};
  const model::DefaultRanges& ipv6 = model::default_ranges(Family::IPv6);
  cluster.network.node_cidrs.push_back(ipv6.node);
  cluster.network.pod_cidrs.push_back(ipv6.pod);
  cluster.outside.hosts.push_back({"taken", {*IpAddress::parse("198.51.100.53")}, {}});
  cluster = give_out_addresses(cluster);
  EXPECT_EQ(on_loopback(cluster), (std::vector<std::string>{"198.51.100.54/32", "2001:db8:51::35/128"}));
  cluster.dns.enabled = false;
  EXPECT_EQ(on_loopback(cluster), std::vector<std::string>{});
}

TEST(FabricPlan, EveryGatewayOfARouteIsAPermanentNeighbour) {
  for (const model::NetworkMode mode : {model::NetworkMode::Routed, model::NetworkMode::Vxlan}) {
    const model::Cluster cluster = cluster_of(3, mode);
    std::vector<Step> steps = plan_fabric(cluster);
    const std::vector<PodSlot> pods{slot(1, 0, "10.244.1.2")};
    for (Step& step : plan_pods(cluster, pods)) {
      steps.push_back(step);
    }
    for (const Step& step : steps) {
      std::set<std::pair<int, IpAddress>> known;
      for (const AddNeighbour& neighbour : all<AddNeighbour>(step)) {
        known.emplace(neighbour.ifindex, neighbour.address);
      }
      for (const AddRoute& route : all<AddRoute>(step)) {
        if (route.gateway) {
          EXPECT_TRUE(known.contains({route.oif, *route.gateway}))
              << step.ns << ": " << to_string(*route.gateway);
        }
      }
    }
  }
}

TEST(FabricPlan, APodNeedsOneNeighbourWhateverTheSizeOfTheLab) {
  const model::Cluster cluster = cluster_of(10);
  std::vector<PodSlot> pods;
  for (std::uint32_t i = 0; i < 100; ++i) {
    pods.push_back(slot(i + 1, 0, ("10.244.1." + std::to_string(i + 2)).c_str()));
  }
  EXPECT_EQ(all<AddNeighbour>(plan_pods(cluster, pods).front()).size(), 1U);
}

TEST(FabricPlan, LinkNamesFitAndAreUniqueInTheirNamespace) {
  const model::Cluster cluster = cluster_of(40);
  std::vector<Step> steps = plan_fabric(cluster);
  const std::vector<PodSlot> pods{slot(1, 0, "10.244.1.2"), slot(4000000, 0, "10.244.1.3")};
  for (Step& step : plan_pods(cluster, pods)) {
    steps.push_back(step);
  }
  std::map<std::string, std::set<std::string>> names;
  for (const Step& step : steps) {
    for (const AddVeth& veth : all<AddVeth>(step)) {
      EXPECT_LE(veth.near_name.size(), 15U) << veth.near_name;
      EXPECT_TRUE(names[veth.near_namespace].insert(veth.near_name).second) << veth.near_name;
    }
  }
}

TEST(FabricPlan, NoUnderlayBridgeHasMorePortsThanTheKernelAllows) {
  const std::vector<Step> steps = plan_fabric(cluster_of(200), 100);
  std::map<int, int> ports;
  std::set<int> bridges;
  for (const Step& step : steps) {
    for (const AddVeth& veth : all<AddVeth>(step)) {
      if (veth.near_namespace == kUnderlay) {
        ++ports[veth.master];
      }
    }
    if (step.ns == kUnderlay) {
      for (const SetMaster& port : all<SetMaster>(step)) {
        ++ports[port.master];
      }
      for (const AddBridge& bridge : all<AddBridge>(step)) {
        bridges.insert(bridge.ifindex);
      }
    }
  }
  EXPECT_GT(bridges.size(), 2U);
  for (const auto& [bridge, count] : ports) {
    EXPECT_TRUE(bridges.contains(bridge));
    EXPECT_LE(count, 100) << "bridge " << bridge;
  }
}

TEST(FabricPlan, VxlanLeavesRoomForItsHeader) {
  EXPECT_EQ(pod_mtu(cluster_of(2)), 1500);
  EXPECT_EQ(pod_mtu(cluster_of(2, model::NetworkMode::Vxlan)), 1450);
}

TEST(FabricPlan, ARemovedPodsPortGoesDownAndItsNeighbourGoes) {
  const model::Cluster cluster = cluster_of(2);
  const std::vector<PodSlot> pods{slot(7, 1, "10.244.2.9")};
  const std::vector<Step> steps = plan_pod_removal(cluster, pods);
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].ns, "node/node-2");
  EXPECT_EQ(all<SetLink>(steps[0]), (std::vector<SetLink>{{kFirstPodPort + 7, false}}));
  EXPECT_EQ(all<DeleteNeighbour>(steps[0]),
            (std::vector<DeleteNeighbour>{{kNodeBridge, *IpAddress::parse("10.244.2.9")}}));
}

TEST(FabricPlan, AStepReadsAsALine) {
  const std::vector<PodSlot> pods{slot(1, 0, "10.244.1.2")};
  const std::vector<Step> steps = plan_pods(cluster_of(1), pods);
  const std::string text = describe(steps.front());
  EXPECT_EQ(text.find("pod/default/p1: make the namespace\n"), 0U) << text;
  EXPECT_NE(text.find("  add veth eth0, other end pod1 in node/node-1 on bridge 2\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("  add route 0.0.0.0/0 via 10.244.1.1 on link 2\n"), std::string::npos) << text;
}

TEST(FabricPlan, ReplacedAndDeletedRoutesReadAsALine) {
  const Prefix vip = *Prefix::parse("192.0.2.80/32");
  const ReplaceRoute replaced{
      vip, {{*IpAddress::parse("10.0.0.2"), 3}, {*IpAddress::parse("10.0.0.3"), 4}}, {}};
  EXPECT_EQ(describe(LinkChange(replaced)),
            "replace route 192.0.2.80/32 via 10.0.0.2 on link 3 via 10.0.0.3 on link 4");
  EXPECT_EQ(describe(LinkChange(DeleteRoute{vip, {}})), "delete route 192.0.2.80/32");
}

}  // namespace
}  // namespace labctl::plan
