#pragma once

// What is counted over pods and workloads and shown, though a lab evicts and scales nothing by itself: the status
// of PodDisruptionBudgets (pkg/controller/disruption) and of HorizontalPodAutoscalers, which see no metrics.
//
// Threads: the store's. It looks at a namespace again when one of its pods or workloads changes, and does
// nothing where there are no such objects.

#include "labctl/store/store.hpp"

#include <nlohmann/json_fwd.hpp>

#include <set>

namespace labctl::controllers {

class BudgetLoop {
 public:
  // Looks at all of them in the first run. `store` must outlive this.
  explicit BudgetLoop(store::Store& store);
  BudgetLoop(const BudgetLoop&) = delete;
  BudgetLoop& operator=(const BudgetLoop&) = delete;

  bool has_work() const { return !due_.empty(); }
  // False: something was thrown over one, which has an event; retry() later.
  bool run();
  void retry();

 private:
  void note(const store::Change& change);
  void sync(const store::Key& key);
  nlohmann::json status_of_budget(const nlohmann::json& budget) const;
  nlohmann::json status_of_scaler(const nlohmann::json& scaler) const;

  store::Store& store_;
  std::set<store::Key> due_;
  std::set<store::Key> failed_;
  store::Store::Subscription subscription_;
};

}  // namespace labctl::controllers
