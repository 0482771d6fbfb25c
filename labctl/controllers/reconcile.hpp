#pragma once

// The control loops of a lab, driven to a fixed point: workloads make pods, the scheduler places them, they
// get addresses, garbage goes. Each loop is a file; this one knows which objects to look at after a change.
//
// Threads and order: on the store's thread; sync_nodes before the first run.

#include "labctl/controllers/work.hpp"
#include "labctl/store/store.hpp"
#include "topology/model/cluster.hpp"

#include <chrono>
#include <memory>
#include <optional>

namespace labctl::controllers {

struct Reconciled {
  bool changed = false;
  // When to run again although nothing changes: minReadySeconds, progressDeadlineSeconds, and what threw.
  std::optional<std::chrono::system_clock::time_point> again_at;
};

// Listens to the store, and so looks only at what changed since the last run. Call run() once for many
// changes (each turn of the main loop), not after each: one pod of a workload costs as much as all of them.
class Reconciler {
 public:
  // Everything is looked at in the first run. All three must outlive it.
  Reconciler(store::Store& store, const model::Cluster& cluster, const Clock& clock);
  ~Reconciler();
  Reconciler(const Reconciler&) = delete;
  Reconciler& operator=(const Reconciler&) = delete;

  // Until nothing is left to do, or `turn` is over: then has_work(). What is thrown over one object becomes a
  // Warning event of it, and it is left alone for a while, longer each time; the others go on. Throws Error:
  // Internal when the loops do not settle, naming the object they turn around.
  Reconciled run(const Turn& turn = {});
  // Something changed, or a time asked for has come, since the last run.
  bool has_work() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace labctl::controllers
