#pragma once

// What the control loops ask of every pod at every look, read from its JSON once a version. Without it one
// event in a workload of thousands means a walk through megabytes of JSON, most of which is in no cache.
//
// Threads: the store's. Always complete: it listens to the store from the moment it is made.

#include "labctl/controllers/scheduling/placed_pods.hpp"
#include "labctl/store/store.hpp"

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace labctl::controllers {

// A port of the node that a pod takes (network model §11).
struct HostPort {
  std::int64_t port = 0;
  std::string protocol;
  std::string ip;  // hostIP; empty: all addresses, also for 0.0.0.0 and ::
  auto operator<=>(const HostPort&) const = default;
};

// The hostPorts of a pod's containers and sidecars; with hostNetwork their containerPorts.
std::vector<HostPort> host_ports(const nlohmann::json& pod);

struct PodFacts {
  bool is_being_deleted = false;
  bool is_active = false;
  bool is_ready = false;
  std::uint64_t labels_hash = 0;      // equal labels, equal hashes
  std::uint64_t controller_hash = 0;  // of the controller's uid; 0: none
  std::optional<std::chrono::system_clock::time_point> ready_since;
  std::string seat;  // the node it lives on; empty: none
  std::vector<HostPort> host_ports;
};

// What controller_hash is for an owner of that uid.
std::uint64_t controller_hash(std::string_view uid);

class PodIndex {
 public:
  explicit PodIndex(store::Store& store);
  PodIndex(const PodIndex&) = delete;
  PodIndex& operator=(const PodIndex&) = delete;

  // Of a pod that is in the store now, in that version.
  const PodFacts& of(const store::ObjectPtr& pod) const { return facts_.at(pod.get()); }
  // How many pods live on a node: placed, with an address, not finished.
  std::size_t living_on(const std::string& node) const;
  // Their keys, in order.
  std::vector<store::Key> pods_on(const std::string& node) const;
  // None of those takes one of `ports`.
  bool are_free_on(const std::string& node, const std::vector<HostPort>& ports) const;
  // What the scheduler asks of them; counts what it is asked for.
  PlacedPods& placed() const { return *placed_; }

 private:
  void add(const nlohmann::json& pod);
  void drop(const nlohmann::json& pod);

  std::unordered_map<const nlohmann::json*, PodFacts> facts_;
  std::unordered_map<std::string, std::unordered_set<const nlohmann::json*>> living_;  // by node
  std::unordered_map<std::string, std::multiset<HostPort>> taken_;                     // by node
  std::unique_ptr<PlacedPods> placed_;
  store::Store::Subscription subscription_;
};

}  // namespace labctl::controllers
