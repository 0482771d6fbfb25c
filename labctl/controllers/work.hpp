#pragma once

// What every control loop is given for one run: the state, the cluster, and the time, which stands still
// meanwhile.

#include "labctl/controllers/pod_index.hpp"
#include "labctl/store/store.hpp"
#include "topology/model/cluster.hpp"

#include <chrono>
#include <optional>

namespace labctl::controllers {

struct Work {
  store::Store& store;
  const model::Cluster& cluster;
  const PodIndex& pods;
  std::chrono::system_clock::time_point now;
  // The earliest moment at which something may change by itself.
  std::optional<std::chrono::system_clock::time_point> again_at;

  void look_again_at(std::chrono::system_clock::time_point when) {
    if (!again_at || when < *again_at) {
      again_at = when;
    }
  }
};

}  // namespace labctl::controllers
