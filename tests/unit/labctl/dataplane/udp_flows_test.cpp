#include "labctl/dataplane/udp_flows.hpp"

#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace labctl::dataplane {
namespace {

const service::Vip kDns{ip("10.96.0.10"), model::Protocol::Udp, 53};
const service::Vip kTime{ip("10.96.0.11"), model::Protocol::Udp, 123};
const service::Backend kOne{ip("10.244.1.2"), 53};
const service::Backend kTwo{ip("10.244.2.2"), 53};

// As "10.96.0.10:53 -> 10.244.1.2:53".
std::vector<std::string> lines_of(const std::vector<apply::UdpFlows>& all) {
  std::vector<std::string> lines;
  for (const apply::UdpFlows& flows : all) {
    std::string line = to_string(flows.vip.address, flows.vip.port) + " ->";
    for (const service::Backend& backend : flows.serving) {
      line += " " + to_string(backend.address, backend.port);
    }
    lines.push_back(line);
  }
  return lines;
}
std::vector<std::string> looked_for(const UdpEndpoints& before, const UdpEndpoints& now) {
  return lines_of(ended_flows(before, now));
}
using Lines = std::vector<std::string>;

TEST(UdpFlows, WhenAnEndpointLeavesOnlyThoseThatServeMayGoOn) {
  EXPECT_EQ(looked_for({{kDns, {kOne, kTwo}}}, {{kDns, {kTwo}}}), Lines{"10.96.0.10:53 -> 10.244.2.2:53"});
  EXPECT_EQ(looked_for({{kDns, {kOne}}}, {{kDns, {kTwo}}}), Lines{"10.96.0.10:53 -> 10.244.2.2:53"});
}

TEST(UdpFlows, NothingIsLookedForWhenNoneLeaves) {
  EXPECT_EQ(looked_for({{kDns, {kOne}}}, {{kDns, {kOne}}}), Lines{});
  EXPECT_EQ(looked_for({{kDns, {kOne}}}, {{kDns, {kOne, kTwo}}}), Lines{});
}

TEST(UdpFlows, ThoseToAnAddressThatGoesEnd) {
  EXPECT_EQ(looked_for({{kDns, {kOne}}, {kTime, {}}}, {{kDns, {kOne}}}), Lines{"10.96.0.11:123 ->"});
}

TEST(UdpFlows, AnAddressWithoutEndpointsIsLeftAlone) {
  EXPECT_EQ(looked_for({{kDns, {kOne}}}, {{kDns, {}}}), Lines{});
  EXPECT_EQ(looked_for({}, {{kDns, {}}}), Lines{});
}

TEST(UdpFlows, WhenTheFirstEndpointComesWhatBeganBeforeEnds) {
  EXPECT_EQ(looked_for({{kDns, {}}}, {{kDns, {kOne}}}), Lines{"10.96.0.10:53 -> 10.244.1.2:53"});
  EXPECT_EQ(looked_for({}, {{kDns, {kOne}}}), Lines{"10.96.0.10:53 -> 10.244.1.2:53"});
}

// What a node of these addresses does for a pod with such a port.
service::NodeProgram host_ports(model::Protocol protocol, std::optional<IpAddress> host_ip,
                                std::vector<IpAddress> pod_ips) {
  model::Pod pod;
  pod.key = {"default", "agent"};
  pod.ips = std::move(pod_ips);
  pod.containers.resize(1);
  pod.containers[0].ports.push_back({"p", 8125, 18125, protocol, host_ip});
  return service::host_port_program(pod, {ip("192.168.50.11"), ip("fd00:50::11")});
}

TEST(UdpFlows, WhenAHostPortComesOnlyThoseToItsPodMayGoOn) {
  const auto program = host_ports(model::Protocol::Udp, ip("192.168.50.11"), {ip("10.244.1.2")});
  EXPECT_EQ(lines_of(host_port_flows(program)), Lines{"192.168.50.11:18125 -> 10.244.1.2:8125"});
}

TEST(UdpFlows, AHostPortOfTwoFamiliesEndsFlowsOfBoth) {
  const auto program = host_ports(model::Protocol::Udp, {}, {ip("10.244.1.2"), ip("fd00:10:244:1::2")});
  const Lines lines = lines_of(host_port_flows(program));
  const auto has = [&](const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  };
  EXPECT_TRUE(has("192.168.50.11:18125 -> 10.244.1.2:8125"));
  EXPECT_TRUE(has("[fd00:50::11]:18125 -> [fd00:10:244:1::2]:8125"));
}

TEST(UdpFlows, WhenAHostPortGoesNoneOfItsFlowsGoesOn) {
  const auto program = host_ports(model::Protocol::Udp, ip("192.168.50.11"), {ip("10.244.1.2")});
  EXPECT_EQ(lines_of(freed_host_port_flows(program)), Lines{"192.168.50.11:18125 ->"});
}

TEST(UdpFlows, AHostPortOfAnotherProtocolEndsNone) {
  EXPECT_EQ(lines_of(host_port_flows(host_ports(model::Protocol::Tcp, {}, {ip("10.244.1.2")}))), Lines{});
  EXPECT_EQ(lines_of(freed_host_port_flows(host_ports(model::Protocol::Sctp, {}, {ip("10.244.1.2")}))),
            Lines{});
}

}  // namespace
}  // namespace labctl::dataplane
