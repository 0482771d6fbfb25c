#pragma once

// What runs containers, as pod_life sees it: the kernel and the built-in
// server (local_runtime.hpp), or a fake.
//
// Threads: all calls and hooks on the thread of the main loop. No hook is called from
// inside start(), stop() or remove_pod().

#include "labctl/kubelet/container_env.hpp"
#include "labctl/kubelet/container_life.hpp"
#include "labctl/kubelet/container_log.hpp"
#include "labctl/kubelet/image_map.hpp"
#include "labctl/loop/captured_run.hpp"
#include "topology/kernel/process.hpp"
#include "topology/model/pod.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::kubelet {

// A pod's place: what all of its containers share.
struct PodSite {
  model::PodKey key;
  std::string hostname;
  std::vector<IpAddress> addresses;
  int netns_fd = -1;  // borrowed until remove_pod() has returned
  std::string hosts;  // text of /etc/hosts
  std::string resolv_conf;
  bool on_host_network = false;           // the namespace is the node's, and others live in it
  std::vector<kernel::FileBind> binds{};  // shown to its programs besides
  bool shares_processes = false;          // spec.shareProcessNamespace
};

struct RunSpec {
  std::string container;
  ImageChoice choice;  // not Invalid; its command expanded
  ContainerEnv env;
  std::string working_dir;
  // For the built-in server's role: the container's own words, expanded.
  std::string image;
  std::vector<std::string> command;
  std::vector<std::string> args;
  std::vector<model::ContainerPort> ports;
  std::vector<kernel::FileBind> binds{};  // its volumes, for programs
  std::optional<kernel::ProcessIds> ids{};
  bool read_only_root = false;  // but for volumes, /dev, /proc and what the runtime itself mounts
};

class ContainerRuntime {
 public:
  using PodId = std::uint64_t;  // 0 is never given out
  using RunId = std::uint64_t;
  struct Hooks {
    std::function<void(LogStream, std::string_view bytes)> output;
    std::function<void(const ContainerEnd&)> ended;  // once; all output came before
  };
  virtual ~ContainerRuntime() = default;

  virtual PodId add_pod(PodSite site) = 0;
  // Ends what still runs, at once and without hooks, and forgets the pod. Unknown ids are ignored.
  virtual void remove_pod(PodId pod) = 0;

  // Throws Error: NotFound for a program that is not there; from the built-in server Busy for a port in use,
  // InvalidInput for words that its role does not know, Unsupported for what it cannot play.
  virtual RunId start(PodId pod, const RunSpec& spec, Hooks hooks) = 0;
  // SIGTERM, or what the image names, and SIGKILL when `grace` has passed. Again with another grace: that
  // one counts. Unknown ids are ignored.
  virtual void stop(RunId run, std::chrono::milliseconds grace) = 0;

  // To execute another program beside the container: with its files, names and network. The caller adds
  // streams and spawns at once. `run` may have ended, or be 0. Throws Error: NotFound for an unknown pod.
  virtual kernel::ProcessOptions exec_options(PodId pod, RunId run) = 0;
  // Executes what exec_options() prepared, for its output; as CapturedRuns::run().
  virtual void execute(kernel::ProcessOptions options, std::chrono::milliseconds deadline,
                       std::function<void(loop::CapturedEnd)> done) = 0;
};

}  // namespace labctl::kubelet
