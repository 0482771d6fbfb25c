#pragma once

// A lab's control loops without its processes: a store, a cluster, a clock that stands still, and a stand-in
// for the life of pods, which makes placed pods ready and removes those that are being deleted.

#include "labctl/controllers/pods/nodes.hpp"
#include "labctl/controllers/reconcile.hpp"
#include "labctl/store/store.hpp"
#include "topology/base/clock.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace labctl::controllers {

class FakeClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override { return {}; }
  std::chrono::system_clock::time_point wall() const override { return wall_; }
  void advance(std::chrono::seconds by) { wall_ += by; }

 private:
  std::chrono::system_clock::time_point wall_{std::chrono::seconds(1136214245)};
};

// node-1, node-2, ... with a pod CIDR of `prefix_length` each, 10.244.1.0 onwards.
model::Cluster cluster_of(int nodes, int prefix_length = 24);

nlohmann::json pod_template(const std::string& app, const std::string& image = "app:1");
nlohmann::json workload(const std::string& kind, const std::string& name, int replicas);
nlohmann::json bare_pod(const std::string& app = "web");

class ControlLoops {
 public:
  explicit ControlLoops(model::Cluster cluster_given = cluster_of(3));

  store::ObjectPtr create(const std::string& resource, const std::string& name, nlohmann::json object);
  void edit(const std::string& resource, const std::string& name,
            const std::function<void(nlohmann::json&)>& change);
  void scale(const std::string& resource, const std::string& name, int replicas);
  void set_image(const std::string& resource, const std::string& name, const std::string& image);
  nlohmann::json get(const std::string& resource, const std::string& name) const;
  std::vector<store::ObjectPtr> pods() const { return store.list("pods"); }
  std::vector<std::string> pod_names() const;
  // Pods that are neither finished nor being deleted.
  std::size_t active() const;
  // Messages of the events of that reason.
  std::vector<std::string> events(const std::string& reason) const;

  Reconciled run() { return reconciler.run(); }
  void make_ready(const std::string& pod, bool is_ready = true);
  void finish(const std::string& pod, const std::string& phase);
  void remove_deleted();
  // One round of pod life: ready what is placed, remove what is deleted. False when there was nothing to do.
  bool live();
  // Loops and pod life until nothing changes; `after_each` looks at the state in between.
  void settle(const std::function<void()>& after_each = {});

  FakeClock clock;
  model::Cluster cluster;
  store::Store store{"test", clock};
  Reconciler reconciler{store, cluster, clock};
};

}  // namespace labctl::controllers
