#pragma once

// Runs the containers of the pods placed in this lab: starts them in order, probes them, restarts them with
// back-off, keeps their output, ends them within their grace. The rules are in container_life,
// container_probe, pod_files, container_env and image_map; this carries them out on a ContainerRuntime.
//
// A pod's way: start() -> on_change, many times -> stop() -> on_stopped, after which nothing of it runs and
// its network namespace may go.
//
// Threads: the main loop's, for all calls and all callbacks.

#include "labctl/kubelet/container_action.hpp"
#include "labctl/kubelet/container_log.hpp"
#include "labctl/kubelet/container_probe.hpp"
#include "labctl/kubelet/container_runtime.hpp"
#include "labctl/kubelet/pod_files.hpp"
#include "labctl/kubelet/pod_status.hpp"
#include "labctl/loop/event_loop.hpp"
#include "topology/base/clock.hpp"
#include "topology/base/error.hpp"
#include "topology/model/cluster.hpp"
#include "topology/model/pod.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::store {
class Store;
}

namespace labctl::kubelet {

class PodStorage;

// Where a pod has been put.
struct PodPlace {
  int netns_fd = -1;     // its own, or the node's for hostNetwork; borrowed until on_stopped
  std::string hostname;  // model::hostname_of, or the node's name for hostNetwork
  std::vector<IpAddress> host_ips;
  ServiceLinks services;                  // the Services' variables, FOO_SERVICE_HOST ...
  int node_netns_fd = -1;                 // the node's, where probes come from; borrowed until on_stopped
  std::vector<kernel::FileBind> binds{};  // what its programs see besides the host's files
};

// How many containers are stood in for, of how many images; those that are over count too.
struct StandInCount {
  std::size_t containers = 0;
  std::size_t images = 0;
  std::size_t secrets = 0;  // made since the lab is up, as their programs make them
};

struct PodReport {
  model::PodKey key;
  std::string uid;
  objects::TimePoint started_at{};  // status.startTime
  PodContainers containers;
};

// For events::record: the type is Warning or Normal.
struct PodEvent {
  bool is_warning = false;
  // Started, SecretMade, Killing, Unhealthy, FailedMount, BackOff, Failed, FailedPostStartHook, FailedPreStopHook,
  // DNSConfigForming
  std::string reason;
  std::string message;
};

struct PodLifeOptions {
  std::vector<model::ImageRule> images;
  model::StandInProbes stand_in_probes = model::StandInProbes::Answered;
  model::HostProgramPolicy host_programs{};  // its images are those above
  // The lab's own containers run whatever the Cluster allows others. Unset: there are none.
  std::function<bool(const model::Pod&, const model::Container&)> is_own;
  bool maps_ids = true;  // programs may have other ids than root's
  PodDns dns;
  std::string node_hosts;  // text of the hosts file that nodes have
  PodStorage* storage =
      nullptr;  // null: pods have no volumes, and there are no ConfigMaps; outlives the PodLife
  store::Store* store = nullptr;  // null: stand-ins make no objects; outlives the PodLife
};

// Callbacks may look things up here, but must not start or stop pods. All are optional.
struct PodLifeHooks {
  std::function<void(const PodReport&)> on_change;   // a container's state or health changed
  std::function<void(const PodReport&)> on_stopped;  // after stop(): the last report
  std::function<void(const model::PodKey&, const PodEvent&)> on_event;
  // A container is about to start: what it finds on disk may be written now.
  // What this throws is a failed start.
  std::function<void(const model::Pod&, const PodPlace&)> before_start;
  // What stands in for an image, once for each text: "image nginx: not mapped, so ...".
  std::function<void(std::string_view)> on_notice;
};

class PodLife {
 public:
  // `loop`, `clock` and `runtime` must outlive this.
  PodLife(loop::EventLoop& loop, const Clock& clock, ContainerRuntime& runtime, PodLifeOptions options,
          PodLifeHooks hooks);
  // Everything still running is ended without callbacks.
  ~PodLife();
  PodLife(const PodLife&) = delete;
  PodLife& operator=(const PodLife&) = delete;

  // Begins the pod's life; on_change is called before this returns. Throws Error: AlreadyExists for a key
  // that lives; what the containers meet is reported, not thrown.
  void start(const model::Pod& pod, const PodPlace& place);
  // Ends it: preStop and SIGTERM to each container, SIGKILL after `grace`, then on_stopped (at once if
  // nothing runs). Again: the earlier end counts. Unknown keys are ignored. With no grace nothing is asked.
  void stop(const model::PodKey& key, std::chrono::milliseconds grace);

  // Ends a container at once and starts it again without a wait, as if it had never failed. Unknown ones and
  // those that do not run are ignored.
  void restart(const model::PodKey& key, std::string_view container);

  // The pod's object has changed: containers of another image start again in place, and a pod with readiness
  // gates calls on_change, since their conditions may have changed. Unknown keys are ignored.
  // Throws Error for an object that is no pod.
  void follow(const model::PodKey& key, const nlohmann::json& object);

  // Of the pods that live here now.
  StandInCount stand_ins() const;

  bool contains(const model::PodKey& key) const { return pods_.contains(key); }
  std::size_t size() const { return pods_.size(); }
  // From now on for pods that start (the DNS Service came or went).
  void set_cluster_dns(std::vector<IpAddress> servers) { options_.dns.cluster_dns = std::move(servers); }

  const PodDns& dns() const { return options_.dns; }
  // What the pod's /etc/resolv.conf says. Throws Error: NotFound.
  const ResolvConf& resolv_conf(const model::PodKey& key);

  // The log of a container; an empty name is the first that is not an init container. Valid until on_stopped.
  // Throws Error: NotFound, naming the containers there are.
  ContainerLog& log(const model::PodKey& key, std::string_view container);

  // To execute `command` beside a container (empty: the first): its files, network, hostname, and environment
  // with `env` on top. The caller sets streams and spawns at once. Throws Error: NotFound.
  kernel::ProcessOptions exec_options(const model::PodKey& key, std::string_view container,
                                      std::vector<std::string> command, const Environment& env);

 private:
  struct Container;
  struct Entry;

  Entry& get(const model::PodKey& key);
  Container& get_container(Entry& entry, std::string_view name);
  void prepare_containers(Entry& entry);
  void choose_image(Entry& entry, std::size_t index, model::Container& spec);
  void tell(const std::string& notice);
  bool resolve_ids(Entry& entry, std::size_t index);
  void change_container(Entry& entry, std::size_t index, model::Container wanted);
  void refuse_hostname(Entry& entry);
  DownwardFacts facts_of(const Entry& entry) const;
  bool has_programs(const Entry& entry) const;
  void set_up_volumes(Entry& entry);
  void look_again(const std::string& ns);
  void make_what_its_program_would(const Entry& entry, std::size_t index, const RunSpec& run);
  std::optional<ContainerEnv> environment_of(Entry& entry, std::size_t index);
  bool is_up_at_once(const Container& container) const;
  void advance(Entry& entry);
  void start_container(Entry& entry, std::size_t index);
  void on_start_error(Entry& entry, std::size_t index, const Error& error);
  void on_ended(const model::PodKey& key, std::size_t index, const ContainerEnd& end);
  void run_post_start(Entry& entry, std::size_t index);
  void on_post_start_over(Entry& entry, std::size_t index, bool has_passed);
  void on_started(Entry& entry, std::size_t index);
  ActionPlace action_place(const Entry& entry, std::size_t index);
  void start_probes(Entry& entry, std::size_t index);
  void on_dead(Entry& entry, std::size_t index, ProbeKind kind);
  void end_container(Entry& entry, std::size_t index, std::chrono::milliseconds grace);
  void run_pre_stop(Entry& entry, std::size_t index, std::chrono::milliseconds grace);
  void on_pre_stop_over(Entry& entry, std::size_t index, bool has_passed);
  void forget_hook(Container& container);
  void send_end(Entry& entry, std::size_t index, std::chrono::milliseconds grace);
  void end_those_whose_turn_it_is(Entry& entry);
  void end_sidecars(Entry& entry);
  // Whatever stage its start has come to.
  void drop(const Entry& entry) noexcept;
  void watch_deadline(Entry& entry);
  void on_deadline(Entry& entry);
  void finish_if_idle(Entry& entry);
  void changed(const Entry& entry) const;
  void event(const Entry& entry, bool is_warning, std::string reason, std::string message) const;
  static PodReport report(const Entry& entry);

  loop::EventLoop& loop_;
  const Clock& clock_;
  ContainerRuntime& runtime_;
  PodLifeOptions options_;
  PodLifeHooks hooks_;
  ContainerActions actions_;
  std::map<model::PodKey, std::unique_ptr<Entry>> pods_;
  std::set<std::string> notices_;
  std::size_t secrets_made_ = 0;
};

}  // namespace labctl::kubelet
