#include "labctl/dataplane/udp_flows.hpp"

#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>

namespace labctl::dataplane {
namespace {

const service::Vip kDns{ip("10.96.0.10"), model::Protocol::Udp, 53};
const service::Vip kTime{ip("10.96.0.11"), model::Protocol::Udp, 123};
const service::Backend kOne{ip("10.244.1.2"), 53};
const service::Backend kTwo{ip("10.244.2.2"), 53};

// As "10.96.0.10:53 -> 10.244.1.2:53".
std::vector<std::string> looked_for(const UdpEndpoints& before, const UdpEndpoints& now) {
  std::vector<std::string> lines;
  for (const apply::UdpFlows& flows : ended_flows(before, now)) {
    std::string line = to_string(flows.vip.address, flows.vip.port) + " ->";
    for (const service::Backend& backend : flows.serving) {
      line += " " + to_string(backend.address, backend.port);
    }
    lines.push_back(line);
  }
  return lines;
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

}  // namespace
}  // namespace labctl::dataplane
