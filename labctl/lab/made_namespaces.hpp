#pragma once

// Namespaces on their way from the thread that makes them to the main loop, which starts what lives in them.
//
// Threads: add() and end() on the one that makes them, take() on another.

#include "topology/plan/step.hpp"

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace labctl::lab {

class MadeNamespaces {
 public:
  struct Made {
    plan::NamespaceId id;
    int fd = -1;  // borrowed
  };

  void add(const plan::NamespaceId& id, int fd) {
    const std::lock_guard lock(mutex_);
    made_.push_back({id, fd});
    if (made_.size() >= kTogether) {
      more_.notify_one();
    }
  }
  // No more will come.
  void end() {
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    more_.notify_one();
  }
  // Waits for many, or the rest; none is the end.
  std::vector<Made> take() {
    std::unique_lock lock(mutex_);
    more_.wait(lock, [this] { return has_ended_ || made_.size() >= kTogether; });
    return std::exchange(made_, {});
  }

 private:
  // Waking the main loop for each would slow the other thread down.
  static constexpr std::size_t kTogether = 32;

  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<Made> made_;
  bool has_ended_ = false;
};

}  // namespace labctl::lab
