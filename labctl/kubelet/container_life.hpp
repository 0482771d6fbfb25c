#pragma once

// The life of a pod's containers as a state machine: which to start when, when to start again, what to
// report. Follows the kubelet's rules for init containers and restartPolicy (concepts, "Pod Lifecycle").
//
// Nothing is started here: the owner starts what due() lists, and tells what happened. Indexes count the init
// containers first, then the others, and stay valid.
//
// An init container with restartPolicy Always (a sidecar, KEP-753) lets the next one begin once it has started,
// and starts again whenever it ends, until the others are done.
//
//   Waiting ContainerCreating --started--> Running --exited--> Terminated --+--> stays: the policy says so
//        |                                                                  |
//        +--could not start--> Terminated StartError (128) -----------------+--> Waiting CrashLoopBackOff
//        |                                                                       until it is due again
//        +--misconfigured--> Waiting CreateContainerConfigError, for good
//        +--blocked--------> the same, until unblock()

#include "labctl/kubelet/pod_status.hpp"
#include "topology/base/clock.hpp"
#include "topology/model/pod.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace labctl::kubelet {

// Back-off between restarts, in lab size: the kubelet waits 10 s, 20 s ... 5 min and
// forgets after 10 min. Here the first restart comes at once, the second after 0.5 s,
// doubled up to 30 s, forgotten after 60 s of running.
inline constexpr std::chrono::milliseconds kBackOffFirst{500};
inline constexpr std::chrono::milliseconds kBackOffMax{30'000};
inline constexpr std::chrono::seconds kBackOffResetAfter{60};

// How a container ended.
struct ContainerEnd {
  int exit_code = 0;
  int signal = 0;       // 0: it exited; else exit_code is 128 + signal
  std::string message;  // its last word, if known
};

class ContainerLife {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;

  // `clock` must outlive this.
  ContainerLife(const model::Pod& pod, const Clock& clock);

  // What is to be started now, in order. Empty once stop() was called.
  std::vector<std::size_t> due() const;
  // When due() will list what it does not list now; nothing if only an event can change that.
  std::optional<SteadyTime> next_due() const;

  // It runs, but its postStart hook has not ended: it is as if it were being created, and those behind it wait.
  void launched(std::size_t index);
  void started(std::size_t index, std::string container_id);
  void exited(std::size_t index, const ContainerEnd& end);
  // For its status: the image, and what is run in its place.
  void set_image(std::size_t index, std::string image, std::string id) {
    items_[index].status.image = std::move(image);
    items_[index].status.image_id = std::move(id);
  }
  // It failed with what it was, and is another now: what waits or could not be tried starts at once.
  void forget_back_off(std::size_t index);
  // What the probes of a running container say. Without probes it is both as soon as it runs.
  void set_health(std::size_t index, bool is_started, bool is_ready);
  // A probe says that it has to end: however it does, that counts as a failure.
  void set_unhealthy(std::size_t index) { items_[index].is_unhealthy = true; }
  // When it ends next it starts again at once, whatever its policy, and the waits of earlier ends are forgotten.
  void set_restart_asked(std::size_t index) { items_[index].is_restart_asked = true; }
  // The program is not there, or the kernel refused: tried again as a crash would be.
  void could_not_start(std::size_t index, const std::string& message);
  // The pod asks for what cannot be: stays Waiting with `reason`, such as "CreateContainerConfigError".
  void misconfigured(std::size_t index, const std::string& reason, const std::string& message);
  // What it asks for is not there yet: Waiting with `reason` until unblock(), which lets all of these try again.
  void blocked(std::size_t index, const std::string& reason, const std::string& message);
  // Whether one was.
  bool unblock();
  // Nothing starts while the pod is held: what all of its containers need is not there yet.
  void hold(bool is_held) { is_held_ = is_held; }
  bool is_held() const { return is_held_; }
  // From now on nothing starts.
  void stop();
  // The same, and the pod stays: once nothing runs it is over.
  void finish() { is_finishing_ = true; }
  bool is_finishing() const { return is_finishing_; }
  // Each of its containers has ended and stays so.
  bool has_finished() const;

  bool is_stopping() const { return stopping_; }
  // Nothing runs.
  bool is_idle() const;
  // All but sidecars are done, for good: those have nobody left to serve.
  bool is_over() const;

  std::size_t size() const { return items_.size(); }
  bool is_init(std::size_t index) const { return index < init_count_; }
  bool is_sidecar(std::size_t index) const { return items_[index].is_sidecar; }
  const ContainerStatus& status(std::size_t index) const { return items_[index].status; }
  // All of them, as pod_status wants them.
  PodContainers report() const;

 private:
  struct Item {
    ContainerStatus status;
    bool has_startup_probe = false;
    bool has_readiness_probe = false;
    bool is_sidecar = false;
    bool has_been_up = false;  // a sidecar: has passed its startup probe at least once
    bool is_launching = false;
    bool is_unhealthy = false;
    bool is_restart_asked = false;
    bool was_started = false;  // the next start is a restart
    bool is_blocked = false;
    bool is_over = false;               // will not start again
    std::chrono::milliseconds wait{0};  // before the next restart
    SteadyTime not_before{};
    SteadyTime running_since{};
  };

  bool has_turn(std::size_t index) const;
  bool may_start_later(std::size_t index) const;
  void end(std::size_t index, ContainerState state, bool is_restart_asked = false);
  bool restarts(std::size_t index, bool succeeded) const;
  bool lets_others_begin(std::size_t index) const;

  const Clock& clock_;
  model::RestartPolicy policy_;
  std::string pod_;  // "web-0_default(uid)", as the kubelet's messages name it
  std::size_t init_count_ = 0;
  std::vector<Item> items_;
  bool stopping_ = false;
  bool is_held_ = false;
  bool is_finishing_ = false;
};

}  // namespace labctl::kubelet
