#pragma once

// A running lab: its objects, the loops that act on them, the network and the processes that follow.
//
//   store --changes--> reconciler --pods with node and address--> fabric --> pod life (its containers)
//     ^                                                                          |
//     +-------------------------------- status ----------------------------------+
//
// Threads: the main loop's, for everything that is not said to be safe elsewhere.

#include "labctl/allocation/repair.hpp"
#include "labctl/allocation/service_allocation.hpp"
#include "labctl/controllers/reconcile.hpp"
#include "labctl/controllers/stuck.hpp"
#include "labctl/dataplane/service_proxy.hpp"
#include "labctl/kubelet/local_runtime.hpp"
#include "labctl/kubelet/pod_life.hpp"
#include "labctl/kubelet/service_env.hpp"
#include "labctl/loop/main_loop.hpp"
#include "labctl/nameserver/name_servers.hpp"
#include "labctl/objects/pod_course.hpp"
#include "labctl/probing/vantage_table.hpp"
#include "labctl/store/shared_table.hpp"
#include "labctl/store/store.hpp"
#include "probes/engine/engine.hpp"
#include "probes/server/server.hpp"
#include "topology/apply/fabric.hpp"
#include "topology/apply/kernel_network.hpp"
#include "topology/base/clock.hpp"
#include "topology/kernel/capsule.hpp"
#include "topology/kernel/reaper.hpp"
#include "topology/manifest/loader.hpp"
#include "topology/model/cluster.hpp"
#include "topology/plan/fabric.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
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
    return life_.log(key, container);
  }

  bool has_pod(const model::PodKey& key) const { return life_.contains(key); }
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
  // A pod that has its place in the network.
  struct Placed {
    std::string uid;  // of its object: another may come under its name
    objects::PodHold hold = objects::PodHold::Placed;
    plan::PodSlot slot;
    bool on_host_network = false;
    bool is_dns = false;       // of the lab's own
    bool is_connected = true;  // false: finished, its address may be another's by now
    std::vector<model::ContainerPort> ports;
    std::shared_ptr<const probing::Resolver>
        resolver;                           // as the pod's resolv.conf says; null before it starts
    probing::VantageTable::PlacePtr place;  // of all this, for vantages(); null: to be made
    std::shared_ptr<std::atomic<bool>> has_gone = std::make_shared<std::atomic<bool>>(false);
  };

  void create_api_service();
  void start_outside_hosts();
  void place_at_boot(const std::vector<model::Pod>& pods);
  void note_ready(const store::Change& change);
  void schedule_sync();
  void repair_later();
  std::vector<model::Pod> reconcile(const controllers::Turn& turn);
  objects::PodHold hold_of(const model::PodKey& key) const;
  void take_in(const store::Key& key, std::vector<model::Pod>& to_place);
  void end_life(const model::PodKey& key, std::chrono::milliseconds grace);
  void place(const std::vector<model::Pod>& pods);
  // Null while it has no network.
  probing::VantageTable::PlacePtr place_of(const Placed& placed) const;
  std::vector<probing::VantageTable::PlacePtr> fixed_places() const;
  // What probes see of the pod has changed.
  void place_changed(Placed& placed);
  bool connect(const std::vector<const model::Pod*>& pods);
  bool try_start(const model::Pod& pod, int netns_fd);
  void try_again_later(const model::PodKey& key, const std::string& uid);
  std::optional<plan::PodSlot> make_slot(const model::Pod& pod);
  plan::NamespaceId namespace_of(const model::Pod& pod) const;
  void start_containers(const model::Pod& pod, int netns_fd);
  void start_waiting_containers();
  void disconnect(const std::vector<model::PodKey>& keys);
  void take_down(const std::vector<model::PodKey>& keys);
  void remove_stopped();
  void on_failure(const std::string& words);
  void write_status(const kubelet::PodReport& report);
  kubelet::PodLifeHooks life_hooks();

  loop::MainLoop& loop_;
  kernel::Reaper& reaper_;
  std::string name_;
  model::Cluster cluster_;
  kernel::IdMapping mapping_;
  pid_t pid_outside_;

  SystemClock clock_;
  store::Store store_;
  allocation::ServiceAllocation allocation_;
  kubelet::ServiceEnvironments service_env_;
  allocation::AllocationRepair repair_;
  controllers::Reconciler reconciler_;
  apply::KernelNetwork network_;
  apply::Fabric fabric_;
  kubelet::LocalRuntime runtime_;
  kubelet::PodLife life_;
  dataplane::ServiceProxy service_proxy_;
  nameserver::NameServers dns_;
  engine::Engine engine_;

  store::Store::Subscription subscription_;
  std::shared_ptr<const probing::Resolver> node_resolver_;  // of nodes and outside hosts
  std::vector<int> node_netns_fds_;  // as cluster_.nodes; the fabric's, for as long as it has the nodes
  std::map<model::PodKey, Placed> placed_;
  std::shared_ptr<const probing::VantageTable> vantages_;      // null: to be made anew
  std::vector<probing::VantageTable::PlacePtr> fixed_places_;  // nodes and outside hosts
  // Pods whose network or start failed, by the uid of their object.
  struct Retry {
    std::string uid;
    int times = 0;                 // in a row
    loop::MainLoop::Id timer = 0;  // 0: it is under way
  };
  std::map<model::PodKey, Retry> retries_;
  std::set<store::Key> changed_pods_;
  std::size_t ready_pods_ = 0;  // objects whose condition Ready is True
  std::vector<model::PodKey> stopped_;
  std::uint32_t next_pod_number_ = 1;
  std::vector<std::pair<model::Pod, int>>
      waiting_for_dns_;  // at boot: pods with programs, and their namespaces
  std::vector<server::PodId> outside_servers_;
  bool is_sync_scheduled_ = false;
  bool is_booted_ = false;
  std::optional<loop::MainLoop::Id> timer_;
  int failures_in_a_row_ = 0;  // of turns
  loop::MainLoop::Id turn_again_ = 0;
  std::size_t place_at_once_ = 32;  // as many as take about kPlacing
  std::chrono::system_clock::time_point created_at_;
  std::chrono::milliseconds boot_time_{0};
};

}  // namespace labctl::lab
