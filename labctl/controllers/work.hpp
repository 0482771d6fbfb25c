#pragma once

// What every control loop is given for one run: the state, the cluster, and the
// time, which stands still meanwhile.

#include "labctl/controllers/pods/pod_index.hpp"
#include "labctl/store/store.hpp"
#include "topology/model/cluster.hpp"

#include <chrono>
#include <cstddef>
#include <optional>

namespace labctl::controllers {

// How long one may go on before the main loop is wanted by others: so requests are answered while thousands
// of pods come or go. What is left is for the next turn.
class Turn {
 public:
  // Never over: while a lab boots nobody asks it anything.
  Turn() = default;
  Turn(const Clock& clock, std::chrono::milliseconds length) : clock_(&clock), end_(clock.now() + length) {}

  bool is_endless() const { return clock_ == nullptr; }
  bool is_over() const { return clock_ != nullptr && clock_->now() >= end_; }

 private:
  const Clock* clock_ = nullptr;
  std::chrono::steady_clock::time_point end_{};
};

inline constexpr std::size_t kPiecesAtLeast = 64;

struct Work {
  store::Store& store;
  const model::Cluster& cluster;
  const PodIndex& pods;
  std::chrono::system_clock::time_point now;
  // The earliest moment at which something may change by itself.
  std::optional<std::chrono::system_clock::time_point> again_at;
  Turn turn{};

  void look_again_at(std::chrono::system_clock::time_point when) {
    if (!again_at || when < *again_at) {
      again_at = when;
    }
  }

  // To stop after `done` pieces of one kind: the turn is over, and so much has been done that looking for
  // what is to be done was worth it.
  bool is_enough(std::size_t done) const { return done >= kPiecesAtLeast && turn.is_over(); }
};

}  // namespace labctl::controllers
