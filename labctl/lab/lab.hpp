#pragma once

// A running lab: its objects, the loops that act on them, the network and the processes that follow from
// them. What each part does is in its room; here they are made, in order, and told of each other.
//
//   store --changes--> Reconciler --pods with node and address--> PodSandboxes (network, containers)
//     ^ |                                                             |
//     | +--changes--> ServiceProxy (packets) --> NameServers (names)  |
//     +------------------------------- status ------------------------+
//
// Threads: the main loop's, for everything that is not said to be safe elsewhere.

#include "labctl/allocation/repair.hpp"
#include "labctl/allocation/service_allocation.hpp"
#include "labctl/controllers/reconcile.hpp"
#include "labctl/controllers/stuck.hpp"
#include "labctl/dataplane/service_proxy.hpp"
#include "labctl/kubelet/local_runtime.hpp"
#include "labctl/kubelet/pod_life.hpp"
#include "labctl/lab/pod_sandboxes.hpp"
#include "labctl/loop/main_loop.hpp"
#include "labctl/nameserver/name_servers.hpp"
#include "labctl/probing/vantage_table.hpp"
#include "labctl/store/shared_table.hpp"
#include "labctl/store/store.hpp"
#include "probes/engine/engine.hpp"
#include "probes/server/server.hpp"
#include "topology/apply/fabric.hpp"
#include "topology/apply/kernel_network.hpp"
#include "topology/base/clock.hpp"
#include "topology/kernel/capsule.hpp"
#include "topology/kernel/host_tree.hpp"
#include "topology/kernel/process.hpp"
#include "topology/kernel/reaper.hpp"
#include "topology/manifest/loader.hpp"
#include "topology/model/cluster.hpp"
#include "topology/plan/fabric.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace labctl::lab {

struct LabSetup {
  std::string name;
  model::Cluster cluster;  // as the files say; addresses are given out here
  kernel::IdMapping mapping = kernel::IdMapping::Root;
  pid_t pid_outside = 0;
  std::shared_ptr<store::SharedTable> shared;     // null: nothing is shared with other labs
  std::chrono::milliseconds boot_within{60'000};  // how long whoever boots it waits
  std::string why_no_range{};                     // why root's lab has no ids of its own; empty if it has
  std::vector<std::string> hidden_folders{};      // of the host's, from all programs of the lab
};

class Lab {
 public:
  // `loop` and `reaper` must outlive the lab.
  Lab(loop::MainLoop& loop, kernel::Reaper& reaper, LabSetup setup);
  ~Lab();
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  // Makes the network and starts every pod of `objects`. Throws Error with the place it happened in.
  void boot(const std::vector<manifest::Object>& objects);

  // Acts on what changed in the store; done by itself after each turn of the loop in which something did.
  void sync();

  // Nothing is left to do but what waits for a time or for containers.
  bool is_at_rest() const;
  // Objects in a state that nobody will leave: none, whenever the lab is at rest. Looked for at each repair,
  // which tells of them and takes their pods in again.
  std::vector<controllers::Stuck> stuck() const;

  // As GET /lab/v1/status and /lab/v1/graph answer.
  nlohmann::json status() const;
  nlohmann::json graph() const;
  // All places, for probes; kept while no place and no Service changes.
  std::shared_ptr<const probing::VantageTable> vantages();
  // As a pod of that namespace has it by default.
  probing::Resolver cluster_resolver(const std::string& ns) const;

  // Throws Error NotFound unless it is a running pod, a node or an outside host.
  void check_vantage(const std::string& vantage) const;
  // What to spawn for `exec` in a vantage. Throws Error: NotFound.
  kernel::ProcessOptions exec_options(const std::string& vantage, const std::string& container,
                                      std::vector<std::string> command, const kubelet::Environment& env);
  // Throws Error: NotFound.
  kubelet::ContainerLog& log(const model::PodKey& key, const std::string& container) {
    return sandboxes_.life().log(key, container);
  }

  bool has_pod(const model::PodKey& key) const { return sandboxes_.life().contains(key); }
  store::Store& objects() { return store_; }
  dataplane::ServiceProxy& service_proxy() { return service_proxy_; }
  // The way by which Services are written.
  allocation::ServiceAllocation& allocation() { return allocation_; }
  // One pass over what was given out; done by itself every kRepairEvery. What it found and mended.
  nlohmann::json repair();
  const model::Cluster& cluster() const { return cluster_; }
  loop::MainLoop& loop() { return loop_; }
  kernel::Reaper& reaper() { return reaper_; }
  // Safe from any thread.
  const engine::Engine& engine() const { return engine_; }

 private:
  PodSandboxes::Hooks sandbox_hooks();
  void note(const store::Change& change);
  void note_ready(const store::Change& change);
  void create_api_service();
  void restore_own_objects();
  void start_outside_hosts();
  void schedule_sync();
  std::vector<model::Pod> reconcile(const controllers::Turn& turn);
  void on_failure(const std::string& words);
  void repair_later();
  int held_place(const std::string& vantage);
  std::vector<probing::VantageTable::PlacePtr> fixed_places() const;

  loop::MainLoop& loop_;
  kernel::Reaper& reaper_;
  std::string name_;
  model::Cluster cluster_;
  kernel::IdMapping mapping_;
  std::string why_no_range_;
  pid_t pid_outside_;
  kernel::HostTree host_tree_;
  std::map<std::string, kernel::ChildProcess>
      held_places_;  // of nodes and outside hosts in which something was run

  SystemClock clock_;
  store::Store store_;
  allocation::ServiceAllocation allocation_;
  allocation::AllocationRepair repair_;
  controllers::Reconciler reconciler_;
  apply::KernelNetwork network_;
  apply::Fabric fabric_;
  kubelet::LocalRuntime runtime_;
  dataplane::ServiceProxy service_proxy_;
  PodSandboxes sandboxes_;
  nameserver::NameServers dns_;
  engine::Engine engine_;

  store::Store::Subscription subscription_;
  std::shared_ptr<const probing::Resolver> node_resolver_;     // of nodes and outside hosts
  std::vector<probing::VantageTable::PlacePtr> fixed_places_;  // nodes and outside hosts
  std::shared_ptr<const probing::VantageTable> vantages_;      // null: places have changed
  bool have_services_changed_ = false;                         // since vantages_ was made
  std::size_t ready_pods_ = 0;                                 // objects whose condition Ready is True
  std::vector<server::PodId> outside_servers_;
  bool is_sync_scheduled_ = false;
  bool is_own_object_gone_ = false;
  bool is_booted_ = false;
  std::optional<loop::MainLoop::Id> timer_;
  int failures_in_a_row_ = 0;  // of turns
  loop::MainLoop::Id turn_again_ = 0;
  std::chrono::system_clock::time_point created_at_;
  std::chrono::milliseconds boot_time_{0};
};

}  // namespace labctl::lab
