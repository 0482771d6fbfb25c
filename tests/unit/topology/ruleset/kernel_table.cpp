#include "tests/unit/topology/ruleset/kernel_table.hpp"

#include <algorithm>
#include <stdexcept>
#include <variant>

namespace labctl::ruleset {
namespace {

void demand(bool is_so, const std::string& else_what) {
  if (!is_so) {
    throw std::runtime_error(else_what);
  }
}

// Ranges field by field, each of `size` bytes from `at` on; the keys here have the range last.
bool overlap(const KernelTable::Bytes& first, const KernelTable::Bytes& first_end,
             const KernelTable::Bytes& second, const KernelTable::Bytes& second_end) {
  return first <= second_end && second <= first_end;
}

}  // namespace

KernelTable::Bytes bytes_of(const ElementBytes& bytes) { return {bytes.span().begin(), bytes.span().end()}; }

void KernelTable::apply(const TableChanges& changes) {
  demand(changes.text.empty(), "text");
  add(changes.added);
  for (const ElementChange& each : changes.elements) {
    change(each);
  }
  remove(changes.removed);
  for (const AffinityChange& affinity : changes.affinity) {
    demand(client_maps_.contains(affinity.map), "no map " + affinity.map);
  }
}

void KernelTable::add(const Structure& structure) {
  for (const ClientMap& map : structure.maps) {
    demand(client_maps_.emplace(map.name, map).second, "map twice: " + map.name);
  }
  for (const Chain& chain : structure.chains) {
    demand(chains_.emplace(chain.name, chain).second, "chain twice: " + chain.name);
    for (const Rule& rule : chain.rules) {
      for (const RulePart& part : rule.parts) {
        if (const auto* remember = std::get_if<Remember>(&part)) {
          demand(client_maps_.contains(remember->map), "no map " + remember->map);
        } else if (const auto* before = std::get_if<SendWhereBefore>(&part)) {
          demand(client_maps_.contains(before->map), "no map " + before->map);
        }
      }
    }
  }
  for (const Way& way : structure.ways) {
    demand(chains_.contains(way.chain), "no chain " + way.chain);
    demand(ways_.emplace(std::pair(way.map, way.mark), way.chain).second, "way twice to " + way.chain);
  }
}

void KernelTable::remove(const Structure& structure) {
  for (const Way& way : structure.ways) {
    demand(ways_.erase({way.map, way.mark}) == 1, "no way to " + way.chain);
  }
  for (const Chain& chain : structure.chains) {
    demand(chains_.erase(chain.name) == 1, "no chain " + chain.name);
    demand(
        std::none_of(ways_.begin(), ways_.end(), [&](const auto& way) { return way.second == chain.name; }),
        "still led to: " + chain.name);
  }
  for (const ClientMap& map : structure.maps) {
    demand(client_maps_.erase(map.name) == 1, "no map " + map.name);
  }
}

void KernelTable::change(const ElementChange& change) {
  std::map<Bytes, Element>& set = sets_[change.set];
  const Bytes key = bytes_of(change.key);
  const Element element{bytes_of(change.key_end), bytes_of(change.data)};
  if (change.is_removal) {
    demand(set.erase(key) == 1, std::string("remove what is not in ") + change.set);
    return;
  }
  for (const auto& [other, held] : set) {
    const bool is_range = !element.key_end.empty();
    demand(
        !is_range || (other == key && held == element) || !overlap(key, element.key_end, other, held.key_end),
        std::string("overlap in ") + change.set);
  }
  const auto [held, is_new] = set.emplace(key, element);
  demand(is_new || held->second == element, std::string("other data is in ") + change.set);
}

std::string KernelTable::chain_of(const std::string& map, std::uint32_t mark) const {
  const auto way = ways_.find({map, mark});
  return way == ways_.end() ? "" : way->second;
}

}  // namespace labctl::ruleset
