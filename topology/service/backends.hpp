#pragma once

// Which endpoints of a Service port a node may use: network model §4 (union of
// slices), §8.1 and §8.5 (selection). Pure.

#include "topology/model/service.hpp"

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace labctl::service {

// Where a packet is sent: an address and a port of the Service port's protocol.
struct Backend {
  IpAddress address;
  std::uint16_t port = 0;
  auto operator<=>(const Backend&) const = default;
};

// One endpoint as one Service port sees it.
struct PortEndpoint {
  Backend backend;
  const model::Endpoint* endpoint = nullptr;  // in the slices given
};

// The endpoints of `port` in one family: the union over all slices, each (address, port) once; of two entries
// of one the more usable counts. Sorted by backend.
std::vector<PortEndpoint> endpoints_of(const model::ServicePort& port, Family family,
                                       std::span<const model::EndpointSlice* const> slices);

struct Viewer {
  std::string node;
  std::string zone;  // empty: the node has no zone label
};

// What one node may use. All sorted.
struct Usable {
  // §8.1: ready ones narrowed by topology; none anywhere: serving and terminating.
  std::vector<Backend> cluster;
  std::vector<Backend> local;  // ready on this node; none: serving and terminating on this node
  // Some node may use some endpoint: a Local policy drops instead of rejecting.
  bool any() const { return !cluster.empty(); }
};
Usable usable_by(const Viewer& viewer, std::span<const PortEndpoint> endpoints);

// The endpoints that conntrack entries may go on to (§12): serving, whatever else.
std::vector<Backend> serving(std::span<const PortEndpoint> endpoints);

// How many ready endpoints a node has, each address once whatever its ports:
// what its health check says (§8.4).
std::size_t ready_on(const std::string& node, std::span<const model::EndpointSlice* const> slices);

}  // namespace labctl::service
