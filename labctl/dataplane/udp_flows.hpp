#pragma once

// Which tracked UDP flows to a Service or a hostPort must not go on after a change (network model §12): those
// to an endpoint that left, and those that began before there was one. Looking for flows is dear
// (apply::ServiceTable), so nothing is named where the change ends none. Pure.

#include "topology/apply/service_table.hpp"
#include "topology/service/node_program.hpp"

#include <map>
#include <vector>

namespace labctl::dataplane {

// The UDP addresses of a Service, each with the endpoints that its flows may go on to.
using UdpEndpoints = std::map<service::Vip, std::vector<service::Backend>>;

// What to look for when `before` has become `now`. Flows to an address without an endpoint are left alone:
// what comes there is not answered by another.
std::vector<apply::UdpFlows> ended_flows(const UdpEndpoints& before, const UdpEndpoints& now);

// The UDP addresses of a pod's hostPorts, each with the pod's own: what flows may go on to once it is there.
// Before, they went to whoever had the number, or to the node itself, which refused them.
std::vector<apply::UdpFlows> host_port_flows(const service::NodeProgram& program);
// The same addresses once the pod has gone: none of their flows goes on.
std::vector<apply::UdpFlows> freed_host_port_flows(const service::NodeProgram& program);

}  // namespace labctl::dataplane
