#pragma once

// An EndpointSlice (discovery.k8s.io/v1) as a value, and which slices to write so that they say what they
// should with as few changes as possible. Pure.
//
//   endpoints that should be --+
//                              +--> plan_slices --> creates, updates, deletes
//   slices that are there -----+

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace labctl::endpoints {

// At most so many endpoints in a slice of a Service with a selector, as kube-controller-manager's default.
inline constexpr std::size_t kEndpointsPerSlice = 100;
// And in one mirrored from an Endpoints object.
inline constexpr std::size_t kEndpointsPerMirroredSlice = 1'000;

struct EndpointTarget {
  std::string kind;  // "Pod"; empty: no target
  std::string ns;
  std::string name;
  std::string uid;
  bool operator==(const EndpointTarget&) const = default;
};

struct Endpoint {
  std::string address;
  bool is_ready = false;
  std::optional<bool> is_serving;      // unset where nobody knows: mirrored
  std::optional<bool> is_terminating;  // unset likewise
  std::string hostname;
  std::string node;
  std::string zone;
  bool is_for_its_zone = false;  // hints.forZones
  bool is_for_its_node = false;  // hints.forNodes
  EndpointTarget target;
  bool operator==(const Endpoint&) const = default;
};

struct SlicePort {
  std::string name;
  std::string protocol;
  std::int64_t port = 0;
  std::string app_protocol;  // empty: unset
  auto operator<=>(const SlicePort&) const = default;
};

struct EndpointSlice {
  std::string name;          // empty: not given yet
  std::string address_type;  // "IPv4", "IPv6"
  std::vector<SlicePort> ports;
  std::vector<Endpoint> endpoints;
  bool operator==(const EndpointSlice&) const = default;
};

// The fields addressType, ports and endpoints.
nlohmann::json slice_fields(const EndpointSlice& slice);

struct ParsedSlice {
  EndpointSlice slice;
  // The object says what `slice` says, in the very words of slice_fields;
  // otherwise somebody else wrote to it.
  bool is_exact = false;
};
ParsedSlice parse_slice(const nlohmann::json& object);

// The endpoints of one address type by the ports they have. An endpoint is known by its address and its
// target's uid; a second one is left out.
using WantedEndpoints = std::map<std::vector<SlicePort>, std::vector<Endpoint>>;

struct PresentSlice {
  const EndpointSlice* slice = nullptr;
  bool is_stale = false;  // to be written even if its endpoints are right: labels
};

using TargetUids = std::set<std::string>;

struct SliceRules {
  std::size_t endpoints_max = kEndpointsPerSlice;
  bool keeps_one = true;  // without endpoints one empty slice stays, to say so
};

struct SliceChanges {
  std::vector<EndpointSlice> to_create;  // without names
  std::vector<EndpointSlice> to_update;
  std::vector<std::string> to_delete;  // names
  bool is_empty() const { return to_create.empty() && to_update.empty() && to_delete.empty(); }
};

// Endpoints stay in the slice they are in. New ones fill slices that are written anyway, then the slice that
// they fill best, then others with room; new slices are made when all are full, under the name of one that
// would go where there is one. `present` are the slices of `address_type`, all with names.
//
// With `touched`, uids of targets, `wanted` has only the endpoints of these; those of others stay as they
// are: one pod of five thousand costs no look at the rest.
SliceChanges plan_slices(const std::string& address_type, const WantedEndpoints& wanted,
                         const std::vector<PresentSlice>& present, const SliceRules& rules,
                         const TargetUids* touched = nullptr);

}  // namespace labctl::endpoints
