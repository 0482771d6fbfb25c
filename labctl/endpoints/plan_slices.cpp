// plan_slices of endpoint_slice.hpp.

#include "labctl/endpoints/endpoint_slice.hpp"

#include <algorithm>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace labctl::endpoints {
namespace {

// An address alone is not enough: one pod's may be another's a moment later, and both are wanted for as long
// as the first one terminates.
struct EndpointId {
  std::string_view address;
  std::string_view uid;
  bool operator==(const EndpointId&) const = default;
};

struct EndpointIdHash {
  std::size_t operator()(const EndpointId& id) const {
    const std::hash<std::string_view> hash;
    return hash(id.address) * 31 + hash(id.uid);
  }
};

EndpointId id_of(const Endpoint& endpoint) { return {endpoint.address, endpoint.target.uid}; }

// A slice that is there, and what is to become of its endpoints.
struct Draft {
  PresentSlice present;
  bool is_written = false;
  std::vector<const Endpoint*> endpoints;  // as they will be
  std::size_t size() const { return endpoints.size(); }
};

// The endpoints of one set of ports while they find their slices.
class PortGroup {
 public:
  PortGroup(const std::vector<SlicePort>& ports, const std::vector<Endpoint>& wanted)
      : ports_(ports), wanted_(wanted), is_placed_(wanted.size(), false) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      // Wanted twice is placed once: the second counts as if it had its place already.
      is_placed_[i] = !by_id_.emplace(id_of(wanted[i]), i).second;
    }
  }

  const std::vector<SlicePort>& ports() const { return ports_; }
  std::vector<Draft>& drafts() { return drafts_; }

  // Leaves in the slice what belongs there.
  void keep(const PresentSlice& present, std::size_t endpoints_max, const TargetUids* touched) {
    Draft draft{present, present.is_stale, {}};
    draft.endpoints.reserve(present.slice->endpoints.size());
    for (const Endpoint& endpoint : present.slice->endpoints) {
      // Who knows which pods changed need not compare the others: of five thousand endpoints
      // one is looked at.
      if (touched != nullptr && !touched->contains(endpoint.target.uid)) {
        draft.endpoints.push_back(&endpoint);
        continue;
      }
      const auto found = by_id_.find(id_of(endpoint));
      // Nobody wants it, another slice has it already, or the slice is fuller than it may be.
      if (found == by_id_.end() || is_placed_[found->second] || draft.endpoints.size() == endpoints_max) {
        draft.is_written = true;
        continue;
      }
      is_placed_[found->second] = true;
      const Endpoint& now = wanted_[found->second];
      draft.is_written = draft.is_written || now != endpoint;
      draft.endpoints.push_back(&now);
    }
    drafts_.push_back(std::move(draft));
  }

  // Fills the slices there are. Returns what found no room, in pieces that each fit a slice.
  std::vector<std::vector<const Endpoint*>> fill(std::size_t endpoints_max);

 private:
  std::vector<const Endpoint*> unplaced() const;
  Draft* best_untouched(std::size_t count, std::size_t endpoints_max);

  const std::vector<SlicePort>& ports_;
  const std::vector<Endpoint>& wanted_;
  std::unordered_map<EndpointId, std::size_t, EndpointIdHash> by_id_;
  std::vector<bool> is_placed_;
  std::vector<Draft> drafts_;
};

// In the order of their names, so that the same pods come to lie in the same slices.
std::vector<const Endpoint*> PortGroup::unplaced() const {
  std::vector<const Endpoint*> rest;
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (!is_placed_[i]) {
      rest.push_back(&wanted_[i]);
    }
  }
  std::sort(rest.begin(), rest.end(), [](const Endpoint* one, const Endpoint* other) {
    return std::tie(one->target.name, one->address) < std::tie(other->target.name, other->address);
  });
  return rest;
}

// The slice that `count` more fill best; if none has room for all, the one with the most.
Draft* PortGroup::best_untouched(std::size_t count, std::size_t endpoints_max) {
  Draft* best = nullptr;
  for (Draft& draft : drafts_) {
    if (draft.is_written || draft.size() >= endpoints_max) {
      continue;
    }
    if (best == nullptr) {
      best = &draft;
      continue;
    }
    // The least room that is enough, so that larger holes are left for more; where none is enough, the most,
    // so that the fewest slices are written.
    const std::size_t room = endpoints_max - draft.size();
    const std::size_t room_of_best = endpoints_max - best->size();
    const bool is_better = room_of_best < count ? room > room_of_best : room >= count && room < room_of_best;
    best = is_better ? &draft : best;
  }
  return best;
}

std::vector<std::vector<const Endpoint*>> PortGroup::fill(std::size_t endpoints_max) {
  const std::vector<const Endpoint*> rest = unplaced();
  std::size_t at = 0;
  const auto pour = [&](Draft& draft) {
    draft.is_written = true;
    while (at < rest.size() && draft.endpoints.size() < endpoints_max) {
      draft.endpoints.push_back(rest[at++]);
    }
  };
  // Those to be written anyway: the fullest first, so that a slice that lost all its endpoints may go.
  std::vector<Draft*> written;
  for (Draft& draft : drafts_) {
    if (draft.is_written) {
      written.push_back(&draft);
    }
  }
  std::stable_sort(written.begin(), written.end(),
                   [](const Draft* one, const Draft* other) { return one->size() > other->size(); });
  for (std::size_t i = 0; i < written.size() && at < rest.size(); ++i) {
    pour(*written[i]);
  }
  while (at < rest.size()) {
    Draft* draft = best_untouched(rest.size() - at, endpoints_max);
    if (draft == nullptr) {
      break;
    }
    pour(*draft);
  }
  std::vector<std::vector<const Endpoint*>> pieces;
  for (; at < rest.size(); at += pieces.back().size()) {
    const std::size_t end = std::min(rest.size(), at + endpoints_max);
    pieces.emplace_back(rest.begin() + static_cast<std::ptrdiff_t>(at),
                        rest.begin() + static_cast<std::ptrdiff_t>(end));
  }
  return pieces;
}

EndpointSlice make_slice(const std::string& name, const std::string& address_type,
                         const std::vector<SlicePort>& ports, const std::vector<const Endpoint*>& endpoints) {
  EndpointSlice slice{name, address_type, ports, {}};
  slice.endpoints.reserve(endpoints.size());
  for (const Endpoint* endpoint : endpoints) {
    slice.endpoints.push_back(*endpoint);
  }
  return slice;
}

bool says_nothing(const PresentSlice& present) {
  return !present.is_stale && present.slice->ports.empty() && present.slice->endpoints.empty();
}

std::vector<PortGroup> group(const WantedEndpoints& wanted, const std::vector<PresentSlice>& present,
                             std::size_t endpoints_max, const TargetUids* touched,
                             std::vector<PresentSlice>& spare) {
  std::vector<PortGroup> groups;
  groups.reserve(wanted.size());
  for (const auto& [ports, endpoints] : wanted) {
    groups.emplace_back(ports, endpoints);
  }
  for (const PresentSlice& slice : present) {
    const auto home = std::find_if(groups.begin(), groups.end(), [&](const PortGroup& candidate) {
      return candidate.ports() == slice.slice->ports;
    });
    if (home == groups.end()) {
      spare.push_back(slice);
    } else {
      home->keep(slice, endpoints_max, touched);
    }
  }
  return groups;
}

}  // namespace

SliceChanges plan_slices(const std::string& address_type, const WantedEndpoints& wanted,
                         const std::vector<PresentSlice>& present, const SliceRules& rules,
                         const TargetUids* touched) {
  SliceChanges changes;
  std::vector<PresentSlice> spare;  // slices that would go
  std::vector<EndpointSlice> more;  // that are wanted besides
  WantedEndpoints by_ports;
  if (touched != nullptr) {
    by_ports = wanted;
    for (const PresentSlice& slice : present) {
      by_ports.try_emplace(slice.slice->ports);
    }
  }
  bool has_any = false;
  for (PortGroup& ports :
       group(touched == nullptr ? wanted : by_ports, present, rules.endpoints_max, touched, spare)) {
    for (const auto& piece : ports.fill(rules.endpoints_max)) {
      more.push_back(make_slice("", address_type, ports.ports(), piece));
    }
    // A slice that is left without endpoints is not deleted here: another set of ports may want a slice, and
    // to write one that is there keeps its name and spares watchers a deletion and a creation.
    for (const Draft& draft : ports.drafts()) {
      has_any = has_any || draft.size() > 0;
      if (draft.size() == 0) {
        spare.push_back(draft.present);
      } else if (draft.is_written) {
        changes.to_update.push_back(
            make_slice(draft.present.slice->name, address_type, ports.ports(), draft.endpoints));
      }
    }
  }
  // Kubernetes keeps an empty slice where a Service has nobody behind it: "no endpoints" is said, not
  // left to be guessed.
  if (!has_any && more.empty() && rules.keeps_one) {
    const auto empty = std::find_if(spare.begin(), spare.end(), says_nothing);
    if (empty != spare.end()) {
      spare.erase(empty);
    } else {
      more.push_back({"", address_type, {}, {}});
    }
  }
  for (std::size_t i = 0; i < std::max(spare.size(), more.size()); ++i) {
    if (i >= spare.size()) {
      changes.to_create.push_back(std::move(more[i]));
    } else if (i >= more.size()) {
      changes.to_delete.push_back(spare[i].slice->name);
    } else {
      more[i].name = spare[i].slice->name;
      changes.to_update.push_back(std::move(more[i]));
    }
  }
  return changes;
}

}  // namespace labctl::endpoints
