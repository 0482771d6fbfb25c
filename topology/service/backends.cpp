#include "topology/service/backends.hpp"

#include <algorithm>
#include <set>

namespace labctl::service {
namespace {

bool is_fallback(const model::Endpoint& endpoint) { return endpoint.is_serving && endpoint.is_terminating; }

// Higher is more usable.
int rank(const model::Endpoint& endpoint) { return endpoint.is_ready ? 2 : is_fallback(endpoint) ? 1 : 0; }

bool names(const std::vector<std::string>& hints, const std::string& name) {
  return std::find(hints.begin(), hints.end(), name) != hints.end();
}

template <typename Predicate>
std::vector<Backend> chosen(std::span<const PortEndpoint> endpoints, const Predicate& is_chosen) {
  std::vector<Backend> backends;
  for (const PortEndpoint& entry : endpoints) {
    if (is_chosen(*entry.endpoint)) {
      backends.push_back(entry.backend);
    }
  }
  return backends;
}

// The hints of ready endpoints in one dimension: usable only if each has one and
// one names `name` (network model §8.5).
template <typename Hints>
bool hints_apply(std::span<const PortEndpoint> endpoints, const std::string& name, const Hints& hints_of) {
  bool is_named = false;
  for (const PortEndpoint& entry : endpoints) {
    if (!entry.endpoint->is_ready) {
      continue;
    }
    if (hints_of(*entry.endpoint).empty()) {
      return false;
    }
    is_named = is_named || names(hints_of(*entry.endpoint), name);
  }
  return is_named && !name.empty();
}

// The node's own hints before the zone's (PreferSameNode falls back to the zone), and all where neither
// applies: one endpoint without a hint means that the slices are being rewritten, and to trust the others
// would leave it out.
std::vector<Backend> ready_narrowed(const Viewer& viewer, std::span<const PortEndpoint> endpoints) {
  const auto node_hints = [](const model::Endpoint& e) -> const auto& { return e.node_hints; };
  const auto zone_hints = [](const model::Endpoint& e) -> const auto& { return e.zone_hints; };
  if (hints_apply(endpoints, viewer.node, node_hints)) {
    return chosen(endpoints,
                  [&](const model::Endpoint& e) { return e.is_ready && names(e.node_hints, viewer.node); });
  }
  if (hints_apply(endpoints, viewer.zone, zone_hints)) {
    return chosen(endpoints,
                  [&](const model::Endpoint& e) { return e.is_ready && names(e.zone_hints, viewer.zone); });
  }
  return chosen(endpoints, [](const model::Endpoint& e) { return e.is_ready; });
}

}  // namespace

std::vector<PortEndpoint> endpoints_of(const model::ServicePort& port, Family family,
                                       std::span<const model::EndpointSlice* const> slices) {
  std::vector<PortEndpoint> endpoints;
  for (const model::EndpointSlice* slice : slices) {
    for (const model::EndpointPort& target : slice->ports) {
      if (target.name != port.name || target.protocol != port.protocol || target.port == 0) {
        continue;
      }
      for (const model::Endpoint& endpoint : slice->endpoints) {
        if (endpoint.address.family() == family) {
          endpoints.push_back({{endpoint.address, target.port}, &endpoint});
        }
      }
    }
  }
  std::stable_sort(endpoints.begin(), endpoints.end(), [](const PortEndpoint& a, const PortEndpoint& b) {
    return a.backend != b.backend ? a.backend < b.backend : rank(*a.endpoint) > rank(*b.endpoint);
  });
  const auto same = [](const PortEndpoint& a, const PortEndpoint& b) { return a.backend == b.backend; };
  endpoints.erase(std::unique(endpoints.begin(), endpoints.end(), same), endpoints.end());
  return endpoints;
}

Usable usable_by(const Viewer& viewer, std::span<const PortEndpoint> endpoints) {
  Usable usable;
  usable.cluster = ready_narrowed(viewer, endpoints);
  if (usable.cluster.empty()) {
    // Better one that is about to go than nobody: between two pods of a rolling update there
    // may be none else.
    usable.cluster = chosen(endpoints, is_fallback);
  }
  const auto is_here = [&](const model::Endpoint& e) { return !e.node.empty() && e.node == viewer.node; };
  usable.local = chosen(endpoints, [&](const model::Endpoint& e) { return e.is_ready && is_here(e); });
  if (usable.local.empty()) {
    usable.local = chosen(endpoints, [&](const model::Endpoint& e) { return is_fallback(e) && is_here(e); });
  }
  return usable;
}

std::vector<Backend> serving(std::span<const PortEndpoint> endpoints) {
  // Ready without serving: publishNotReadyAddresses makes the first true and says nothing of the second.
  return chosen(endpoints, [](const model::Endpoint& e) { return e.is_serving || e.is_ready; });
}

std::size_t ready_on(const std::string& node, std::span<const model::EndpointSlice* const> slices) {
  std::set<IpAddress> ready;
  for (const model::EndpointSlice* slice : slices) {
    for (const model::Endpoint& endpoint : slice->endpoints) {
      if (endpoint.node == node && endpoint.is_ready && !endpoint.is_terminating) {
        ready.insert(endpoint.address);
      }
    }
  }
  return ready.size();
}

}  // namespace labctl::service
