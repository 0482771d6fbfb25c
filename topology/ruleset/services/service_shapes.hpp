#pragma once

// Chains of the layout `maps`: one for each shape of a Service port. Internal to the room.

#include "topology/ruleset/services/service_layout.hpp"
#include "topology/service/node_program.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace labctl::ruleset {

inline constexpr std::uint32_t kFirstLocalIndex = 32768;
// In the conntrack mark of a connection whose client is remembered among the node's own endpoints.
inline constexpr std::uint32_t kLocalAffinity = 0x80000000;

struct Shape {
  Family family = Family::IPv4;
  service::Verdict verdict = service::Verdict::Reject;
  service::Traffic traffic = service::Traffic::Internal;
  std::size_t backends = 0;
  std::size_t local = 0;
  bool has_source_ranges = false;
  bool is_own = false;         // with affinity: `backends` are the node's own
  std::uint32_t affinity = 0;  // number of the service port's own maps; 0: none
  auto operator<=>(const Shape&) const = default;
};

Shape shape_of(const service::Entry& entry, std::uint32_t affinity);
// Equal for equal shapes: "cluster4-3", "external6-local-5-2-ranges", "reject4".
std::string chain_name(const Shape& shape);
// Of one family.
struct PodRanges {
  const Prefix* all = nullptr;  // null: there is none
  const Prefix* own = nullptr;  // of this node
};

// The chain with its rules.
Chain shape_chain(const Shape& shape, const PodRanges& pods);

// What a service port has of its own to remember clients: two maps, for all endpoints and for the node's own,
// and what fills them.
std::string affinity_map(std::uint32_t number, bool is_local);
Structure affinity_structure(std::uint32_t number, Family family, std::chrono::seconds timeout,
                             const std::string& name);

}  // namespace labctl::ruleset
