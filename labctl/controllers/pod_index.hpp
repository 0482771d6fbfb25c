#pragma once

// What the control loops ask of every pod at every look, read from its JSON once a version. Without it one
// event in a workload of thousands means a walk through megabytes of JSON, most of which is in no cache.
//
// Threads: the store's. Always complete: it listens to the store from the moment it is made.

#include "labctl/store/store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace labctl::controllers {

struct PodFacts {
  bool is_being_deleted = false;
  bool is_active = false;
  bool is_ready = false;
  std::uint64_t labels_hash = 0;      // equal labels, equal hashes
  std::uint64_t controller_hash = 0;  // of the controller's uid; 0: none
  std::optional<std::chrono::system_clock::time_point> ready_since;
  std::string seat;  // the node it lives on; empty: none
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

 private:
  void add(const nlohmann::json& pod);
  void drop(const nlohmann::json& pod);

  std::unordered_map<const nlohmann::json*, PodFacts> facts_;
  std::map<std::string, std::size_t> living_;
  store::Store::Subscription subscription_;
};

}  // namespace labctl::controllers
