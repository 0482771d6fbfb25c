#pragma once

// Does what probes and lifecycle hooks ask for, without waiting: an HTTP request or a connection from the
// pod's node, a program in the container, a pause. Every action has exactly one result, unless cancelled.
//
// Threads: the main loop's.

#include "labctl/kubelet/container_runtime.hpp"
#include "labctl/kubelet/probe_socket.hpp"
#include "labctl/loop/captured_run.hpp"
#include "labctl/loop/event_loop.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/kernel/process.hpp"
#include "topology/model/pod.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace labctl::kubelet {

// Where an action happens.
struct ActionPlace {
  int node_netns_fd = -1;           // borrowed until the action has ended
  std::optional<IpAddress> pod_ip;  // what an empty host means
  const model::Container* container = nullptr;
  std::string_view user_agent = "kube-probe/1.35";
  bool passes_execs = false;  // a stand-in: programs of its image are not there, and taken as succeeded
  // To execute a command in the container. May throw Error.
  std::function<kernel::ProcessOptions(const std::vector<std::string>& command)> exec_options;
};

class ContainerActions {
 public:
  using Id = std::uint64_t;  // 0 is never given out
  // Never called from inside run().
  using Done = std::function<void(ProbeAnswer)>;

  // Programs at once; more wait for their turn. Each is a process for some milliseconds.
  static constexpr std::size_t kExecsMax = 64;
  static constexpr std::size_t kSocketsMax = 1'024;

  // `loop` and `runtime` must outlive this. The destructor cancels what runs.
  ContainerActions(loop::EventLoop& loop, ContainerRuntime& runtime);
  ~ContainerActions();
  ContainerActions(const ContainerActions&) = delete;
  ContainerActions& operator=(const ContainerActions&) = delete;

  // `action` must outlive it. `timeout` counts from when it is the action's turn.
  Id run(const model::ContainerAction& action, ActionPlace place, std::chrono::milliseconds timeout,
         Done done);
  // No result comes after this. A program that runs already goes on until its timeout or its container's end.
  void cancel(Id id);

 private:
  struct Job;
  using Queue = std::deque<Id>;

  void begin_waiting();
  void begin_socket(Id id, Job& job);
  void begin_exec(Id id, Job& job);
  void refuse(Id id, std::string why);
  void on_executed(Id id, loop::CapturedEnd end);
  void finish_later(Id id, Job& job, std::chrono::milliseconds delay, ProbeAnswer answer);
  void finish(Id id, ProbeAnswer answer);

  loop::EventLoop& loop_;
  ContainerRuntime& runtime_;
  ProbeSockets sockets_;
  std::unordered_map<Id, std::unique_ptr<Job>> jobs_;
  Queue waiting_execs_;
  Queue waiting_sockets_;
  std::size_t execs_busy_ = 0;
  std::size_t sockets_busy_ = 0;
  bool is_beginning_ = false;
  Id next_ = 1;
  // Programs still call back when this has gone.
  std::shared_ptr<ContainerActions*> self_;
};

}  // namespace labctl::kubelet
