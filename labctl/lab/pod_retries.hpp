#pragma once

// Pods whose network or start failed, each with the time at which it is tried again: ever later while it goes
// on failing (objects::pause_after).
//
// Threads: the main loop's.

#include "labctl/loop/main_loop.hpp"
#include "topology/model/pod.hpp"

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace labctl::lab {

class PodRetries {
 public:
  // `on_due` is told of each whose time has come. `loop` must outlive this.
  PodRetries(loop::MainLoop& loop, std::function<void(const model::PodKey&)> on_due)
      : loop_(loop), on_due_(std::move(on_due)) {}
  ~PodRetries();
  PodRetries(const PodRetries&) = delete;
  PodRetries& operator=(const PodRetries&) = delete;

  // It failed once more. `uid` is its object's: a namesake begins anew. One
  // that waits already goes on waiting.
  void later(const model::PodKey& pod, const std::string& uid);
  // It succeeded, or is gone.
  void forget(const model::PodKey& pod);

  // From later() until it is due.
  bool is_waiting(const model::PodKey& pod) const;
  // Of the object that failed last; empty for a pod that did not, or is forgotten.
  std::string uid_of(const model::PodKey& pod) const;
  std::vector<model::PodKey> waiting() const;

 private:
  struct Retry {
    std::string uid;
    int times = 0;                 // in a row
    loop::MainLoop::Id timer = 0;  // 0: it is under way
  };
  loop::MainLoop& loop_;
  std::function<void(const model::PodKey&)> on_due_;
  std::map<model::PodKey, Retry> retries_;
};

}  // namespace labctl::lab
