#pragma once

// The status of a pod from the states of its containers, as the node agent reports it
// (core/v1 PodStatus; concepts, "Pod Lifecycle"). Pure: who runs the containers says how they
// are, this says what that makes of the pod.

#include "labctl/objects/conditions.hpp"

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::kubelet {

struct ContainerState {
  enum class Kind { Waiting, Running, Terminated };
  Kind kind = Kind::Waiting;
  std::string reason;  // ContainerCreating, CrashLoopBackOff, Completed, Error, ...
  std::string message;
  int exit_code = 0;  // Terminated
  int signal = 0;     // Terminated by that signal; 0: none
  objects::TimePoint started_at{};
  objects::TimePoint finished_at{};  // Terminated
};

struct ContainerStatus {
  std::string name;
  std::string image;
  std::string image_id;  // empty: nothing of an image is there
  std::string container_id;
  ContainerState state;
  std::optional<ContainerState> last;  // how it ended the time before
  int restart_count = 0;
  bool is_ready = false;    // ignored unless Running
  bool is_started = false;  // its startup probe passed, or it has none
};

struct PodContainers {
  std::vector<ContainerStatus> init_containers;  // in the order of the spec; those missing count as waiting
  std::vector<ContainerStatus> containers;
  bool is_over = false;  // nothing of it runs or will, whatever its restartPolicy: it has succeeded or failed
  // Why the node agent ended it ("DeadlineExceeded"), for the status: it has failed, then.
  std::string reason{};
  std::string message{};
};

// The whole status of `pod` now: phase, conditions PodScheduled, Initialized, ContainersReady and Ready
// (readiness gates counted; a lastTransitionTime moves only when the condition does), containerStatuses,
// initContainerStatuses, startTime, qosClass. What others decided (podIP, hostIP, PodScheduled, conditions of
// readiness gates) is kept from the pod's present status. Ready and ContainersReady may stay True while a pod
// is being deleted, as in Kubernetes: endpoints look at the deletionTimestamp.
nlohmann::json pod_status(const nlohmann::json& pod, const PodContainers& containers, objects::TimePoint now);

// The phase alone (spec.restartPolicy decides whether an ended container ends the pod).
std::string_view phase_from(const nlohmann::json& pod, const PodContainers& containers);

}  // namespace labctl::kubelet
