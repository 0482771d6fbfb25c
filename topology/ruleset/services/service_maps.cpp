#include "topology/ruleset/services/service_maps.hpp"

#include "topology/base/fnv.hpp"
#include "topology/ruleset/services/service_shapes.hpp"

#include <algorithm>

namespace labctl::ruleset {
namespace {

using service::Backend;
using service::NodeProgram;
using service::PortProgram;
using service::Traffic;
using service::Vip;

constexpr const char* kServices[] = {"services4", "services6"};
constexpr const char* kEndpoints[] = {"endpoints4", "endpoints6"};
constexpr const char* kRanges[] = {"ranges4", "ranges6"};
constexpr const char* kClusterIps[] = {"cluster-ips4", "cluster-ips6"};
constexpr const char* kHairpin[] = {"hairpin4", "hairpin6"};

// Names of sets by family.
const char* in_family(const char* const (&names)[2], Family family) {
  return names[family == Family::IPv4 ? 0 : 1];
}

ElementBytes vip_key(const Vip& vip) {
  ElementBytes key;
  key.add_address(vip.address);
  key.add_protocol(vip.protocol);
  key.add_port(vip.port);
  return key;
}

// What a packet is looked up by first. The removal of an element needs its key alone: data and comment would
// only make the message longer.
ElementChange service_element(const Vip& vip, std::uint32_t shape, const std::string& name, bool is_removal) {
  ElementChange change{in_family(kServices, vip.address.family()), is_removal, vip_key(vip), {}, {}, {}};
  if (!is_removal) {
    change.data.add_number(shape);
    change.comment = nft_comment(name);
  }
  return change;
}

ElementChange endpoint_element(const Vip& vip, std::size_t index, const Backend& backend, bool is_removal) {
  ElementChange change{in_family(kEndpoints, vip.address.family()), is_removal, vip_key(vip), {}, {}, {}};
  change.key.add_number(static_cast<std::uint32_t>(index));
  if (!is_removal) {
    change.data.add_address(backend.address);
    change.data.add_port(backend.port);
  }
  return change;
}

IpAddress last_of(const Prefix& prefix) {
  std::array<std::uint8_t, 16> bytes = prefix.address().bytes();
  const int bits = static_cast<int>(prefix.address().size()) * 8;
  for (int bit = prefix.length(); bit < bits; ++bit) {
    bytes[static_cast<std::size_t>(bit / 8)] |=
        static_cast<std::uint8_t>(0x80U >> static_cast<unsigned>(bit % 8));
  }
  return IpAddress::from_bytes(prefix.family(), bytes.data());
}

// Stands for what is allowed: the chain drops what is in none of them. An interval of a concatenation is from
// one whole key to another, so the first three fields are the same in both.
ElementChange range_element(const Vip& vip, const Prefix& range, bool is_removal) {
  ElementChange change{
      in_family(kRanges, vip.address.family()), is_removal, vip_key(vip), vip_key(vip), {}, {}};
  change.key.add_address(range.address());
  change.key_end.add_address(last_of(range));
  return change;
}

// `times`: a hairpin's key is the address twice, as source and as destination.
ElementChange address_element(const char* const (&sets)[2], const IpAddress& address, int times,
                              bool is_removal, const std::string& name) {
  ElementChange change{in_family(sets, address.family()), is_removal, {}, {}, {}, {}};
  for (int i = 0; i < times; ++i) {
    change.key.add_address(address);
  }
  change.comment = is_removal ? std::string() : nft_comment(name);
  return change;
}

// `wanted` in an order in which what stays keeps its index, and as little as possible moves.
//
// A draw is an index, and what stands there is the endpoint that a new connection gets. Were the list written
// anew in its sorted order, one endpoint more would move all behind it: as many elements, and clients whose
// first packet was drawn before the change and looked up after it would go elsewhere for nothing.
std::vector<Backend> keep_places(const std::vector<Backend>& before, const std::vector<Backend>& wanted) {
  if (before.empty()) {
    return wanted;
  }
  std::vector<Backend> places(wanted.size());
  std::vector<bool> is_taken(wanted.size(), false);
  std::vector<Backend> rest;
  for (const Backend& backend : wanted) {
    const auto found = std::find(before.begin(), before.end(), backend);
    const auto index = static_cast<std::size_t>(found - before.begin());
    if (found != before.end() && index < places.size()) {
      places[index] = backend;
      is_taken[index] = true;
    } else {
      rest.push_back(backend);
    }
  }
  auto next = rest.begin();
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!is_taken[i]) {
      places[i] = *next++;
    }
  }
  return places;
}

// A replaced endpoint is a removal and an addition, in this order: the kernel refuses a second element of one
// key unless its data is the same.
void change_endpoints(const Vip& vip, std::size_t first, const std::vector<Backend>& before,
                      const std::vector<Backend>& after, TableChanges& changes) {
  for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
    if (i < before.size() && i < after.size() && before[i] == after[i]) {
      continue;
    }
    if (i < before.size()) {
      changes.elements.push_back(endpoint_element(vip, first + i, before[i], true));
    }
    if (i < after.size()) {
      changes.elements.push_back(endpoint_element(vip, first + i, after[i], false));
    }
  }
}

// All anew: they are few, and intervals of which one grows into another have no order of single
// changes that never overlaps.
void change_ranges(const Vip& vip, const std::vector<Prefix>& before, const std::vector<Prefix>& after,
                   TableChanges& changes) {
  if (before == after) {
    return;
  }
  for (const Prefix& range : before) {
    changes.elements.push_back(range_element(vip, range, true));
  }
  for (const Prefix& range : after) {
    changes.elements.push_back(range_element(vip, range, false));
  }
}

bool lost_one(const std::vector<Backend>& before, const std::vector<Backend>& after) {
  return std::any_of(before.begin(), before.end(), [&](const Backend& backend) {
    return std::find(after.begin(), after.end(), backend) == after.end();
  });
}

Way way_to(const Shape& shape, std::uint32_t number) { return {"shapes", number, chain_name(shape), false}; }

void append(Structure& to, const Structure& more) {
  to.maps.insert(to.maps.end(), more.maps.begin(), more.maps.end());
  to.chains.insert(to.chains.end(), more.chains.begin(), more.chains.end());
  to.ways.insert(to.ways.end(), more.ways.begin(), more.ways.end());
}

Family family_of(const PortProgram& port) { return port.entries.front().vip.address.family(); }

}  // namespace

// Addresses of one Service range differ in their last bits, ports hardly; the multiplication spreads both.
std::size_t VipHash::operator()(const Vip& vip) const noexcept {
  const auto* bytes = reinterpret_cast<const char*>(vip.address.bytes().data());
  const std::uint64_t number = static_cast<std::uint64_t>(vip.protocol) << 16U | vip.port;
  return static_cast<std::size_t>(fnv1a({bytes, vip.address.size()}) ^ number * 0x9E3779B97F4A7C15U);
}

ServiceMaps::ServiceMaps(std::vector<Prefix> own_pods, std::vector<Prefix> all_pods)
    : own_pods_(std::move(own_pods)), all_pods_(std::move(all_pods)) {}

void ServiceMaps::set(const std::string& owner, const NodeProgram& wanted, TableChanges& changes) {
  const auto found = programs_.find(owner);
  // Often: what changed of a Service or its slices, such as a label, is nothing to what this node does.
  if (found != programs_.end() ? found->second == wanted : wanted == NodeProgram{}) {
    return;
  }
  const auto [at, is_new] = programs_.try_emplace(owner);
  const NodeProgram before = std::exchange(at->second, wanted);
  // First all that is claimed, then what is not any more: an address that the owner keeps is never without a
  // claim, and so does not come free for another in between.
  claim(at->first, at->second, changes);
  withdraw(at->first, before);
  // Each address once, though a program may name it before and after: what is installed follows from the
  // claims that are left, not from what this owner did.
  std::vector<Vip> concerned;
  for (const NodeProgram* program : {&before, &wanted}) {
    for (const PortProgram& port : program->ports) {
      for (const service::Entry& entry : port.entries) {
        concerned.push_back(entry.vip);
      }
    }
  }
  std::sort(concerned.begin(), concerned.end());
  concerned.erase(std::unique(concerned.begin(), concerned.end()), concerned.end());
  for (const Vip& vip : concerned) {
    install(slots_.find(vip), changes);
  }
  set_cluster_ips(owner, before.cluster_ips, wanted.cluster_ips, changes);
  if (wanted == NodeProgram{}) {
    programs_.erase(at);
  }
}

void ServiceMaps::claim(const std::string& owner, const NodeProgram& wanted, TableChanges& changes) {
  std::set<AffinityKey> remembered;
  for (const PortProgram& port : wanted.ports) {
    if (port.entries.empty()) {
      continue;
    }
    const bool has_affinity = port.affinity_timeout.count() > 0;
    const std::uint32_t affinity = has_affinity ? affinity_number(owner, port, changes) : 0;
    if (has_affinity) {
      remembered.insert({owner, port.name + std::string(to_string(family_of(port)))});
    }
    for (const service::Entry& entry : port.entries) {
      put_claim(slots_[entry.vip].claims, {&owner, &port, &entry, affinity, true});
    }
  }
  for (auto at = affinities_.lower_bound({owner, ""}); at != affinities_.end() && at->first.first == owner;) {
    const AffinityKey key = (at++)->first;
    if (!remembered.contains(key)) {
      forget_affinity(key, changes);
    }
  }
}

// In the place of what the owner had, if it had one.
void ServiceMaps::put_claim(std::vector<Claim>& claims, const Claim& claim) {
  const auto own = std::find_if(claims.begin(), claims.end(),
                                [&](const Claim& other) { return other.owner == claim.owner; });
  if (own != claims.end()) {
    if (!own->is_new) {
      *own = claim;
    }
    return;
  }
  // Of two Services the one that had the address first keeps it. A hostPort wins over a NodePort of its
  // number, which network model §11 leaves open.
  const bool is_first = claim.entry->traffic == Traffic::HostPort;
  claims.insert(is_first ? claims.begin() : claims.end(), claim);
}

// What the owner claimed by `before` and does not claim any more.
void ServiceMaps::withdraw(const std::string& owner, const NodeProgram& before) {
  const auto each_slot = [&](const NodeProgram& program, const auto& act) {
    for (const PortProgram& port : program.ports) {
      for (const service::Entry& entry : port.entries) {
        act(slots_.at(entry.vip).claims);
      }
    }
  };
  each_slot(before, [&](std::vector<Claim>& claims) {
    std::erase_if(claims, [&](const Claim& claim) { return claim.owner == &owner && !claim.is_new; });
  });
  each_slot(programs_.at(owner), [](std::vector<Claim>& claims) {
    for (Claim& claim : claims) {
      claim.is_new = false;
    }
  });
}

void ServiceMaps::install(Slots::iterator slot, TableChanges& changes) {
  const auto& [vip, state] = *slot;
  const bool was_there = state.installed.has_value();
  const bool will_be_there = !state.claims.empty();
  const Installed before = was_there ? std::move(*slot->second.installed) : Installed{};
  Installed after;
  if (will_be_there) {
    const Claim& claim = state.claims.front();
    // Two claims of one address differ in their endpoints, and the first alone counts:
    // whoever comes second waits.
    after = {shape_number(claim, changes), keep_places(before.backends, claim.entry->backends),
             keep_places(before.local, claim.entry->local), without_overlaps(claim.entry->source_ranges),
             claim.port->name};
    forget_clients(claim, before, after, changes);
  }
  // Elements have no "change": another shape or name is a removal and an addition, which one transaction
  // makes one step for every packet.
  const bool is_same = was_there && will_be_there && before.shape == after.shape && before.name == after.name;
  if (was_there && !is_same) {
    changes.elements.push_back(service_element(vip, before.shape, before.name, true));
  }
  if (will_be_there && !is_same) {
    changes.elements.push_back(service_element(vip, after.shape, after.name, false));
  }
  change_endpoints(vip, 0, before.backends, after.backends, changes);
  change_endpoints(vip, kFirstLocalIndex, before.local, after.local, changes);
  change_ranges(vip, before.source_ranges, after.source_ranges, changes);
  allow_hairpin(after.backends, changes);
  allow_hairpin(after.local, changes);
  if (will_be_there) {
    slot->second.installed = std::move(after);
  } else {
    slots_.erase(slot);
  }
}

// Those that went where nobody may be sent any more.
void ServiceMaps::forget_clients(const Claim& claim, const Installed& before, const Installed& after,
                                 TableChanges& changes) {
  if (claim.affinity == 0) {
    return;
  }
  for (const bool is_local : {false, true}) {
    const std::vector<Backend>& now = is_local ? after.local : after.backends;
    // With another shape another map may come into use again, with what it held long ago.
    const bool is_new = before.shape != after.shape && (!is_local || !now.empty());
    if (!is_new && !lost_one(is_local ? before.local : before.backends, now)) {
      continue;
    }
    const std::string map = affinity_map(claim.affinity, is_local || claim.entry->is_own);
    const bool is_known = std::any_of(changes.affinity.begin(), changes.affinity.end(),
                                      [&](const AffinityChange& change) { return change.map == map; });
    if (!is_known) {
      changes.affinity.push_back({map, now});
    }
  }
}

// Shapes stay when nobody uses them, but for those of an affinity: a chain costs nothing, to remove it has
// the whole table checked, and the numbers of endpoints that a lab has had come again.
std::uint32_t ServiceMaps::shape_number(const Claim& claim, TableChanges& changes) {
  const Shape shape = shape_of(*claim.entry, claim.affinity);
  const auto [found, is_new] = shapes_.try_emplace(shape, next_shape_);
  if (is_new) {
    ++next_shape_;
    append(changes.added, shape_structure(shape, found->second));
  }
  return found->second;
}

Structure ServiceMaps::shape_structure(const Shape& shape, std::uint32_t number) const {
  Structure structure;
  structure.chains.push_back(
      shape_chain(shape, {prefix_of(all_pods_, shape.family), prefix_of(own_pods_, shape.family)}));
  structure.ways.push_back(way_to(shape, number));
  return structure;
}

std::uint32_t ServiceMaps::affinity_number(const std::string& owner, const PortProgram& port,
                                           TableChanges& changes) {
  const Family family = family_of(port);
  const AffinityKey key{owner, port.name + std::string(to_string(family))};
  const auto found = affinities_.find(key);
  if (found != affinities_.end()) {
    if (found->second.timeout == port.affinity_timeout) {
      return found->second.number;
    }
    // The timeout is the map's and cannot be changed: another one needs another map.
    forget_affinity(key, changes);
  }
  const Affinity affinity{next_affinity_++, port.affinity_timeout, family};
  affinities_[key] = affinity;
  append(changes.added, affinity_structure(affinity.number, family, affinity.timeout, port.name));
  return affinity.number;
}

// The chains that write into the map go with it, since its name is in their rules.
void ServiceMaps::forget_affinity(const AffinityKey& key, TableChanges& changes) {
  const auto affinity = affinities_.extract(key);
  for (auto shape = shapes_.begin(); shape != shapes_.end();) {
    const bool is_its = shape->first.affinity == affinity.mapped().number;
    if (is_its) {
      changes.removed.ways.push_back(way_to(shape->first, shape->second));
      changes.removed.chains.push_back({chain_name(shape->first), shape->first.family, {}});
    }
    shape = is_its ? shapes_.erase(shape) : std::next(shape);
  }
  const Affinity& gone = affinity.mapped();
  append(changes.removed, affinity_structure(gone.number, gone.family, gone.timeout, key.second));
}

void ServiceMaps::set_cluster_ips(const std::string& owner, const std::vector<IpAddress>& before,
                                  const std::vector<IpAddress>& after, TableChanges& changes) {
  for (const IpAddress& address : before) {
    if (std::find(after.begin(), after.end(), address) != after.end()) {
      continue;
    }
    // An address may be two Services' for a moment: deleted and given out again, noted in the other order.
    std::vector<std::string>& owners = cluster_ips_[address];
    std::erase(owners, owner);
    if (owners.empty()) {
      cluster_ips_.erase(address);
      changes.elements.push_back(address_element(kClusterIps, address, 1, true, {}));
    }
  }
  for (const IpAddress& address : after) {
    if (std::find(before.begin(), before.end(), address) != before.end()) {
      continue;
    }
    std::vector<std::string>& owners = cluster_ips_[address];
    owners.push_back(owner);
    if (owners.size() == 1) {
      changes.elements.push_back(address_element(kClusterIps, address, 1, false, owner));
    }
  }
}

// Never taken back: a packet that is on its way to an endpoint while it goes must be masqueraded yet, or its
// connection would be one to nowhere. There are no more than a node has pods.
void ServiceMaps::allow_hairpin(const std::vector<Backend>& backends, TableChanges& changes) {
  for (const Backend& backend : backends) {
    const bool is_own = std::any_of(own_pods_.begin(), own_pods_.end(),
                                    [&](const Prefix& pods) { return pods.contains(backend.address); });
    if (is_own && hairpin_.insert(backend.address).second) {
      changes.elements.push_back(address_element(kHairpin, backend.address, 2, false, {}));
    }
  }
}

Structure ServiceMaps::structure() const {
  Structure all;
  for (const auto& [key, affinity] : affinities_) {
    append(all, affinity_structure(affinity.number, affinity.family, affinity.timeout, key.second));
  }
  for (const auto& [shape, number] : shapes_) {
    append(all, shape_structure(shape, number));
  }
  return all;
}

std::map<std::string, std::vector<ElementChange>> ServiceMaps::expected() const {
  TableChanges all;
  for (const auto& [vip, slot] : slots_) {
    const Installed& installed = *slot.installed;
    all.elements.push_back(service_element(vip, installed.shape, installed.name, false));
    change_endpoints(vip, 0, {}, installed.backends, all);
    change_endpoints(vip, kFirstLocalIndex, {}, installed.local, all);
    change_ranges(vip, {}, installed.source_ranges, all);
  }
  for (const auto& [address, owners] : cluster_ips_) {
    all.elements.push_back(address_element(kClusterIps, address, 1, false, owners.front()));
  }
  for (const IpAddress& address : hairpin_) {
    all.elements.push_back(address_element(kHairpin, address, 2, false, {}));
  }
  std::map<std::string, std::vector<ElementChange>> by_set;
  for (const Prefix& pods : all_pods_) {
    for (const auto& names : {kServices, kEndpoints, kRanges, kClusterIps, kHairpin}) {
      by_set[names[pods.family() == Family::IPv4 ? 0 : 1]];
    }
  }
  for (ElementChange& change : all.elements) {
    by_set[change.set].push_back(std::move(change));
  }
  return by_set;
}

}  // namespace labctl::ruleset
