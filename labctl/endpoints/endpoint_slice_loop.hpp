#pragma once

// The control loop of EndpointSlices: those of Services with a selector, and those mirrored from Endpoints
// objects (network model §4). Slices that users write are left alone.
//
//   pods, Services, nodes --> EndpointIndex --> Services to look at --+--> plan_slices --> the store
//   Endpoints objects ------------------------> Endpoints to mirror --+
//
// Threads: the store's.

#include "labctl/endpoints/endpoint_index.hpp"
#include "labctl/endpoints/endpoint_slice.hpp"
#include "labctl/store/store.hpp"

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>

namespace labctl::endpoints {

class EndpointSliceLoop {
 public:
  explicit EndpointSliceLoop(store::Store& store) : store_(store) {}

  // Every change of the store, and once everything that is in it (as Added).
  void note(const store::Change& change);
  bool has_work() const { return !services_.empty() || !endpoints_.empty() || !without_service_.empty(); }
  // Brings the slices up to date with what was noted.
  // False: something was thrown over an object, which has an event; retry() later.
  bool run();
  void retry();

 private:
  struct Owner;
  // A slice as it was last seen; parsing a hundred endpoints is most of the cost of a look.
  struct Known {
    store::ObjectPtr object;
    ParsedSlice parsed;
  };
  void note_slice(const store::Change& change);
  void sync_service(const store::Key& key, const AffectedEndpoints& affected);
  void sync_mirror(const store::Key& key);
  // With `touched` as plan_slices has it.
  void write(const Owner& owner, const std::map<std::string, WantedEndpoints>& wanted,
             const TargetUids* touched = nullptr);
  void create(const Owner& owner, EndpointSlice slice);
  void update(const Owner& owner, const EndpointSlice& slice);
  const Known& known(const store::Key& key, const store::ObjectPtr& object);

  store::Store& store_;
  EndpointIndex index_;
  AffectedServices services_;             // to look at
  std::set<store::Key> endpoints_;        // to mirror
  std::set<store::Key> without_service_;  // Endpoints whose Service went
  std::set<store::Key> failed_;           // over which something was thrown
  std::map<store::Key, Known> known_;
  bool is_writing_ = false;
};

}  // namespace labctl::endpoints
