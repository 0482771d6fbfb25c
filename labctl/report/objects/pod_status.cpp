// The STATUS of a pod, which kubectl reads from a dozen fields.

#include "labctl/report/objects/fields.hpp"
#include "labctl/report/objects/resources.hpp"

#include <string>

namespace labctl::report {
namespace {

using Json = nlohmann::json;

const Json& condition_of(const Json& pod, const std::string& type) {
  static const Json kNone;
  for (const Json& condition : list(pod, "/status/conditions")) {
    if (text(condition, "/type") == type) {
      return condition;
    }
  }
  return kNone;
}

bool is_true(const Json& pod, const std::string& type) {
  return text(condition_of(pod, type), "/status") == "True";
}

}  // namespace

bool is_sidecar(const Json& pod, const std::string& container) {
  for (const Json& spec : list(pod, "/spec/initContainers")) {
    if (text(spec, "/name") == container) {
      return text(spec, "/restartPolicy") == "Always";
    }
  }
  return false;
}

// Follows printPod() of kubectl: init containers decide until they are done,
// then the last container with news. A sidecar that ended badly after its pod was initialized is no news.
std::string pod_status(const Json& pod) {
  std::string reason = text_or(pod, "/status/reason", text_or(pod, "/status/phase", "Pending"));
  if (text(condition_of(pod, "PodScheduled"), "/reason") == "SchedulingGated") {
    reason = "SchedulingGated";
  }
  const auto ended = [](const Json& terminated) {
    if (std::string why = text(terminated, "/reason"); !why.empty()) {
      return why;
    }
    const long long signal = number(terminated, "/signal");
    return signal != 0 ? "Signal:" + std::to_string(signal)
                       : "ExitCode:" + std::to_string(number(terminated, "/exitCode"));
  };
  bool initializing = false;
  const Json& init = list(pod, "/status/initContainerStatuses");
  for (size_t i = 0; i < init.size() && !initializing; ++i) {
    const Json& terminated = at(init[i], "/state/terminated");
    if ((terminated.is_object() && number(terminated, "/exitCode") == 0) ||
        (is_sidecar(pod, text(init[i], "/name")) && flag(init[i], "/started"))) {
      continue;
    }
    initializing = true;
    const std::string waiting = text(init[i], "/state/waiting/reason");
    if (terminated.is_object()) {
      reason = "Init:" + ended(terminated);
    } else if (!waiting.empty() && waiting != "PodInitializing") {
      reason = "Init:" + waiting;
    } else {
      reason = "Init:" + std::to_string(i) + "/" + std::to_string(list(pod, "/spec/initContainers").size());
    }
  }
  if (!initializing || is_true(pod, "Initialized")) {
    bool has_running = false;
    const Json& containers = list(pod, "/status/containerStatuses");
    for (size_t i = containers.size(); i-- > 0;) {
      const std::string waiting = text(containers[i], "/state/waiting/reason");
      const Json& terminated = at(containers[i], "/state/terminated");
      if (!waiting.empty()) {
        reason = waiting;
      } else if (terminated.is_object()) {
        reason = ended(terminated);
      } else if (flag(containers[i], "/ready")) {
        has_running = true;
      }
    }
    if (reason == "Completed" && has_running) {
      reason = is_true(pod, "Ready") ? "Running" : "NotReady";
    }
  }
  const std::string phase = text(pod, "/status/phase");
  const bool is_over = phase == "Succeeded" || phase == "Failed";
  return text(pod, "/metadata/deletionTimestamp").empty() || is_over ? reason : "Terminating";
}

}  // namespace labctl::report
