#pragma once

// The objects of a lab, and the ways to them: what requests about objects are answered from.

#include "labctl/store/store.hpp"
#include "topology/model/cluster.hpp"

#include <cstddef>
#include <functional>

namespace labctl::allocation {
class ServiceAllocation;
}

namespace labctl::apiserver {

// Borrows all; copies mean the same lab.
struct LabObjects {
  store::Store& store;
  // The way by which Services are written.
  allocation::ServiceAllocation& services;
  const model::Cluster& cluster;
  // Runs the work on the store's thread and returns when it is done. What it throws is thrown here.
  std::function<void(const std::function<void()>&)> run_on_owner;
  // The same without waiting for it.
  std::function<void(std::function<void()>)> post_to_owner;
};

// Calls `work` on the store's thread for 0 to `count` - 1, some hundred a turn, so that others have theirs
// between. What it throws is thrown here; the turns before stand.
void in_turns(const LabObjects& lab, std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace labctl::apiserver
