#pragma once

// Which pods are to be placed next: those that are new, and those that found no place once something happened
// that may help them.

#include "labctl/controllers/pods/scheduler.hpp"
#include "labctl/store/store.hpp"

#include <cstddef>
#include <set>
#include <vector>

namespace labctl::controllers {

// Threads: the store's.
class PlacementQueue {
 public:
  explicit PlacementQueue(store::Store& store) : store_(store) {}

  // Of every change; only notes.
  void note(const store::Change& change);
  bool has_work() const;
  // All that are due: those of higher priority first (spec.priority, or that of their PriorityClass),
  // then in the order in which they were last written, which for new pods is the order in which they were
  // made.
  std::vector<store::Key> take();
  // What was taken and not looked at.
  void put_back(const std::vector<store::Key>& keys, std::size_t looked_at);
  WaitingPods& waiting() { return waiting_; }

 private:
  void note_pod(const store::Change& change);

  store::Store& store_;
  std::set<store::Key> due_;
  WaitingPods waiting_;
  bool has_room_changed_ = false;   // try all that wait
  bool have_pods_changed_ = false;  // try those that other pods may help
};

}  // namespace labctl::controllers
