#include "labctl/dataplane/udp_flows.hpp"

#include <algorithm>

namespace labctl::dataplane {
namespace {

bool some_left(const std::vector<service::Backend>& before, const std::vector<service::Backend>& now) {
  return std::any_of(before.begin(), before.end(), [&](const service::Backend& backend) {
    return std::find(now.begin(), now.end(), backend) == now.end();
  });
}

}  // namespace

std::vector<apply::UdpFlows> ended_flows(const UdpEndpoints& before, const UdpEndpoints& now) {
  std::vector<apply::UdpFlows> ended;
  for (const auto& [vip, serving] : before) {
    if (!now.contains(vip)) {
      ended.push_back({vip, {}});
    }
  }
  for (const auto& [vip, serving] : now) {
    const auto earlier = before.find(vip);
    const bool had_some = earlier != before.end() && !earlier->second.empty();
    if (!serving.empty() && (!had_some || some_left(earlier->second, serving))) {
      ended.push_back({vip, serving});
    }
  }
  return ended;
}

std::vector<apply::UdpFlows> host_port_flows(const service::NodeProgram& program) {
  std::vector<apply::UdpFlows> flows;
  for (const service::PortProgram& port : program.ports) {
    for (const service::Entry& entry : port.entries) {
      if (entry.vip.protocol == model::Protocol::Udp) {
        flows.push_back({entry.vip, entry.backends});
      }
    }
  }
  return flows;
}

std::vector<apply::UdpFlows> freed_host_port_flows(const service::NodeProgram& program) {
  std::vector<apply::UdpFlows> flows = host_port_flows(program);
  for (apply::UdpFlows& one : flows) {
    one.serving.clear();
  }
  return flows;
}

}  // namespace labctl::dataplane
