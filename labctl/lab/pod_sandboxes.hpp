#pragma once

// The pods that have a place in the lab's network, from an object with a node and an address to a network
// namespace with running containers, and back. What is next for a pod says its course
// (objects/pod_course.hpp); here it is done: networks in batches, since the kernel is quicker so, and then
// the containers of each by PodLife.
//
//   note() --> take_in() --> place() --> PodLife::start --> status
//                  ^                          |
//                  +--- network taken down <--+ stopped
//
// What fails with one pod is told at its object and tried again later, ever more slowly; the others go on.
//
// Threads: the main loop's. While place_at_boot() runs the fabric is another thread's.

#include "labctl/controllers/stuck.hpp"
#include "labctl/controllers/work.hpp"
#include "labctl/dataplane/service_proxy.hpp"
#include "labctl/kubelet/pod_companion.hpp"
#include "labctl/kubelet/pod_life.hpp"
#include "labctl/kubelet/pod_storage.hpp"
#include "labctl/kubelet/service_env.hpp"
#include "labctl/lab/pod_retries.hpp"
#include "labctl/loop/main_loop.hpp"
#include "labctl/objects/pod_course.hpp"
#include "labctl/probing/vantage_table.hpp"
#include "labctl/store/store.hpp"
#include "topology/apply/fabric.hpp"
#include "topology/base/clock.hpp"
#include "topology/model/cluster.hpp"
#include "topology/model/pod.hpp"
#include "topology/plan/fabric.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace labctl::lab {

class PodSandboxes {
 public:
  // What it works with; all must outlive it.
  struct Surroundings {
    loop::MainLoop& loop;
    const Clock& clock;
    store::Store& store;
    const model::Cluster& cluster;
    apply::Fabric& fabric;
    kubelet::ContainerRuntime& runtime;
    dataplane::ServiceProxy& service_proxy;
  };
  struct Hooks {
    std::function<void()> has_work;        // take_in() is wanted; may be called within it
    std::function<void()> places_changed;  // places() says something else now
  };
  PodSandboxes(Surroundings surroundings, kubelet::PodLifeOptions options, Hooks hooks);
  PodSandboxes(const PodSandboxes&) = delete;
  PodSandboxes& operator=(const PodSandboxes&) = delete;

  // Before the first pod is placed; it must not be asked for pods any more once it has gone.
  void add_companion(kubelet::PodCompanion& companion) { companions_.push_back(&companion); }
  // Once the nodes have their networks.
  void open();

  // The pod's object has changed, come or gone.
  void note(const store::Key& pod) { changed_.insert(pod); }
  bool has_work() const { return !changed_.empty() || !stopped_.empty(); }

  // Acts on what changed, for as long as the turn lasts, but for the pods to be placed: these it returns, as
  // many as can be placed at once; of a turn without an end, all.
  std::vector<model::Pod> take_in(const controllers::Turn& turn);
  // Networks of all of them, and then their containers.
  void place(const std::vector<model::Pod>& pods);
  // The same when there are thousands and nobody wants anything else of this thread: starts each pod's
  // containers as soon as its namespace is there.
  void place_at_boot(const std::vector<model::Pod>& pods);
  // Starts the containers that companions held back.
  void start_waiting();

  // Every pod of which something is held, by the key of its object.
  std::map<store::Key, controllers::HeldPod> held() const;
  // Pods with a network, sorted. Those that changed are made anew.
  std::vector<probing::VantageTable::PlacePtr> places();
  // Every pod with a place in the plan, sorted.
  using OnSlot =
      std::function<void(const model::PodKey& pod, const plan::PodSlot& slot, bool on_host_network)>;
  void each_slot(const OnSlot& on_slot) const;

  kubelet::PodLife& life() { return life_; }
  const kubelet::PodLife& life() const { return life_; }

 private:
  // A pod that has its place in the network.
  struct Placed {
    std::string uid;  // of its object: another may come under its name
    objects::PodHold hold = objects::PodHold::Placed;
    plan::PodSlot slot;
    bool on_host_network = false;
    bool is_connected = true;                    // false: finished, its address may be another's by now
    kubelet::PodCompanion* companion = nullptr;  // null: a pod like others
    std::vector<model::ContainerPort> ports;
    std::shared_ptr<const probing::Resolver> resolver;  // as its resolv.conf says; null before it starts
    probing::VantageTable::PlacePtr place;              // of all this, for places(); null: to be made
    std::shared_ptr<std::atomic<bool>> has_gone = std::make_shared<std::atomic<bool>>(false);
  };

  kubelet::PodCompanion* companion_of(const model::Pod& pod) const;
  objects::PodHold hold_of(const model::PodKey& key) const;
  void take_in(const store::Key& key, std::vector<model::Pod>& to_place);
  void end_life(const model::PodKey& key, std::chrono::milliseconds grace);
  std::optional<plan::PodSlot> make_slot(const model::Pod& pod);
  bool connect(const std::vector<const model::Pod*>& pods);
  plan::NamespaceId namespace_of(const Placed& placed) const;
  bool has_to_wait(const model::Pod& pod) const;
  bool try_start(const model::Pod& pod, int netns_fd);
  void start_containers(const model::Pod& pod, int netns_fd);
  void disconnect(const std::vector<model::PodKey>& keys);
  void take_down(const std::vector<model::PodKey>& keys);
  void remove_stopped();
  probing::VantageTable::PlacePtr place_of(const Placed& placed) const;
  void write_status(const kubelet::PodReport& report);
  kubelet::PodLifeHooks life_hooks();

  const Clock& clock_;
  store::Store& store_;
  const model::Cluster& cluster_;
  apply::Fabric& fabric_;
  dataplane::ServiceProxy& service_proxy_;
  Hooks hooks_;
  kubelet::ServiceEnvironments service_env_;
  PodRetries retries_;
  kubelet::PodStorage storage_;
  kubelet::PodLife life_;
  std::vector<kubelet::PodCompanion*> companions_;
  std::vector<int> node_netns_fds_;  // as the cluster's nodes; the fabric's, for as long as it has the nodes

  std::map<model::PodKey, Placed> placed_;
  std::set<store::Key> changed_;
  std::vector<model::PodKey> stopped_;
  std::vector<std::pair<model::Pod, int>> waiting_;  // held back, and their namespaces
  std::uint32_t next_number_ = 1;
  std::size_t place_at_once_ = 32;  // as many as take about kPlacing
};

}  // namespace labctl::lab
