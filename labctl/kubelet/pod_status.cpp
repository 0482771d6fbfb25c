#include "labctl/kubelet/pod_status.hpp"

#include "labctl/objects/conditions.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/timestamp.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace labctl::kubelet {
namespace {

using nlohmann::json;
using objects::field;
using objects::set_condition;
using objects::text_at;
using Kind = ContainerState::Kind;

const json& array_at(const json& object, std::string_view path) {
  static const json kEmpty = json::array();
  const json* value = field(object, path);
  return value != nullptr && value->is_array() ? *value : kEmpty;
}

const ContainerStatus* find_status(const std::vector<ContainerStatus>& statuses, const std::string& name) {
  const auto found = std::find_if(statuses.begin(), statuses.end(),
                                  [&](const ContainerStatus& s) { return s.name == name; });
  return found == statuses.end() ? nullptr : &*found;
}

// An init container that stays: it counts as done once it has started.
bool is_sidecar(const json& container) { return text_at(container, "restartPolicy") == "Always"; }

bool is_init_done(const json& container, const ContainerStatus* status) {
  if (status == nullptr) {
    return false;
  }
  if (is_sidecar(container)) {
    return status->state.kind == Kind::Running && status->is_started;
  }
  return status->state.kind == Kind::Terminated && status->state.exit_code == 0;
}

// Names of containers for which `is_good` is false: "[a b]"; empty when there are none.
template <typename Predicate>
std::string names_but(const json& specs, const std::vector<ContainerStatus>& statuses,
                      const Predicate& is_good) {
  std::string names;
  for (const json& spec : specs) {
    if (!is_good(spec, find_status(statuses, text_at(spec, "name")))) {
      names += names.empty() ? "[" : " ";
      names += text_at(spec, "name");
    }
  }
  return names.empty() ? names : names + "]";
}

bool is_container_ready(const ContainerStatus* status) {
  return status != nullptr && status->state.kind == Kind::Running && status->is_ready;
}

json state_json(const ContainerState& state) {
  switch (state.kind) {
    case Kind::Waiting: {
      json waiting{{"reason", state.reason.empty() ? "ContainerCreating" : state.reason}};
      if (!state.message.empty()) {
        waiting["message"] = state.message;
      }
      return {{"waiting", std::move(waiting)}};
    }
    case Kind::Running:
      return {{"running", {{"startedAt", timestamp(state.started_at)}}}};
    case Kind::Terminated: {
      json terminated{{"exitCode", state.exit_code},
                      {"reason", !state.reason.empty()  ? state.reason
                                 : state.exit_code == 0 ? "Completed"
                                                        : "Error"},
                      {"startedAt", timestamp(state.started_at)},
                      {"finishedAt", timestamp(state.finished_at)}};
      if (state.signal != 0) {
        terminated["signal"] = state.signal;
      }
      if (!state.message.empty()) {
        terminated["message"] = state.message;
      }
      return {{"terminated", std::move(terminated)}};
    }
  }
  return json::object();
}

json container_json(const json& spec, const ContainerStatus* status, const char* waiting_reason) {
  if (status == nullptr) {
    return {{"name", text_at(spec, "name")},
            {"state", {{"waiting", {{"reason", waiting_reason}}}}},
            {"lastState", json::object()},
            {"ready", false},
            {"started", false},
            {"restartCount", 0},
            {"image", text_at(spec, "image")},
            {"imageID", ""}};
  }
  json result{{"name", status->name},
              {"state", state_json(status->state)},
              {"lastState", status->last ? state_json(*status->last) : json::object()},
              {"ready", is_container_ready(status)},
              {"started", status->state.kind == Kind::Running && status->is_started},
              {"restartCount", status->restart_count},
              {"image", status->image.empty() ? text_at(spec, "image") : status->image},
              {"imageID", status->image_id}};
  if (!status->container_id.empty()) {
    result["containerID"] = status->container_id;
  }
  return result;
}

// Of a finished init container "ready" means that it succeeded.
json init_json(const json& spec, const ContainerStatus* status) {
  json result = container_json(spec, status, "PodInitializing");
  if (!is_sidecar(spec)) {
    result["ready"] = is_init_done(spec, status);
  }
  return result;
}

struct Tally {
  int waiting = 0, running = 0, stopped = 0, succeeded = 0;
};

Tally tally(const json& specs, const std::vector<ContainerStatus>& statuses) {
  Tally tally;
  for (const json& spec : specs) {
    const ContainerStatus* status = find_status(statuses, text_at(spec, "name"));
    if (status == nullptr || (status->state.kind == Kind::Waiting && !status->last)) {
      ++tally.waiting;
    } else if (status->state.kind == Kind::Running) {
      ++tally.running;
    } else {
      // Waiting after an end (back-off) counts by how it ended.
      const ContainerState& ended = status->state.kind == Kind::Terminated ? status->state : *status->last;
      ++tally.stopped;
      tally.succeeded += ended.exit_code == 0 ? 1 : 0;
    }
  }
  return tally;
}

void set_readiness(json& status, const json& pod, const PodContainers& containers, objects::TimePoint now) {
  const std::string& phase = status.at("phase").get_ref<const std::string&>();
  if (phase == "Succeeded" || phase == "Failed") {
    const char* reason = phase == "Succeeded" ? "PodCompleted" : "PodFailed";
    set_condition(status, "ContainersReady", "False", now, reason);
    set_condition(status, "Ready", "False", now, reason);
    return;
  }
  // Sidecars first, as the kubelet has them.
  std::string unready = names_but(
      array_at(pod, "spec.initContainers"), containers.init_containers,
      [](const json& spec, const ContainerStatus* s) { return !is_sidecar(spec) || is_container_ready(s); });
  const std::string others =
      names_but(array_at(pod, "spec.containers"), containers.containers,
                [](const json&, const ContainerStatus* s) { return is_container_ready(s); });
  if (unready.empty() || others.empty()) {
    unready += others;
  } else {
    unready.back() = ' ';
    unready += others.substr(1);
  }
  if (!unready.empty()) {
    const std::string message = "containers with unready status: " + unready;
    set_condition(status, "ContainersReady", "False", now, "ContainersNotReady", message);
    set_condition(status, "Ready", "False", now, "ContainersNotReady", message);
    return;
  }
  set_condition(status, "ContainersReady", "True", now);
  std::string closed;
  for (const json& gate : array_at(pod, "spec.readinessGates")) {
    const std::string& type = text_at(gate, "conditionType");
    const json* found = objects::condition(pod, type);
    if (found == nullptr || text_at(*found, "status") != "True") {
      closed += (closed.empty() ? "" : ", ") + ("corresponding condition of pod readiness gate \"" + type) +
                (found == nullptr ? "\" does not exist." : "\" is not True.");
    }
  }
  if (closed.empty()) {
    set_condition(status, "Ready", "True", now);
  } else {
    set_condition(status, "Ready", "False", now, "ReadinessGatesNotReady", closed);
  }
}

}  // namespace

std::string_view phase_from(const json& pod, const PodContainers& containers) {
  if (containers.is_over) {
    const json& specs = array_at(pod, "spec.containers");
    return containers.reason.empty() &&
                   static_cast<std::size_t>(tally(specs, containers.containers).succeeded) == specs.size()
               ? "Succeeded"
               : "Failed";
  }
  const std::string& policy = text_at(pod, "spec.restartPolicy");
  bool are_inits_done = true;
  for (const json& spec : array_at(pod, "spec.initContainers")) {
    const ContainerStatus* status = find_status(containers.init_containers, text_at(spec, "name"));
    if (status != nullptr && status->state.kind == Kind::Terminated && status->state.exit_code != 0 &&
        policy == "Never" && !is_sidecar(spec)) {
      return "Failed";
    }
    // A sidecar that was started once and is down now does not take the pod back to Pending.
    const bool was_started = status != nullptr && (status->is_started || status->restart_count > 0);
    are_inits_done = are_inits_done && (is_init_done(spec, status) || (is_sidecar(spec) && was_started));
  }
  const Tally counted = tally(array_at(pod, "spec.containers"), containers.containers);
  if (counted.waiting > 0 || (!are_inits_done && counted.running == 0 && counted.stopped == 0)) {
    return "Pending";
  }
  if (counted.running > 0) {
    return "Running";
  }
  if (counted.stopped == 0) {
    return "Pending";
  }
  for (const json& spec : array_at(pod, "spec.initContainers")) {
    const ContainerStatus* status = find_status(containers.init_containers, text_at(spec, "name"));
    if (is_sidecar(spec) && status != nullptr && status->state.kind == Kind::Running) {
      return "Running";  // until it has ended as well
    }
  }
  if (policy.empty() || policy == "Always") {
    return "Running";
  }
  if (counted.stopped == counted.succeeded) {
    return "Succeeded";
  }
  return policy == "Never" ? "Failed" : "Running";
}

json pod_status(const json& pod, const PodContainers& containers, objects::TimePoint now) {
  const json* present = field(pod, "status");
  json status = present != nullptr && present->is_object() ? *present : json::object();
  status["phase"] = phase_from(pod, containers);
  status["qosClass"] = objects::qos_class(pod);
  if (containers.is_over && !containers.reason.empty()) {
    status["reason"] = containers.reason;
    status["message"] = containers.message;
  }
  if (!status.contains("startTime")) {
    status["startTime"] = timestamp(now);
  }
  set_condition(status, "PodScheduled", "True", now);

  const json& inits = array_at(pod, "spec.initContainers");
  // A pod whose containers have begun was initialized, whatever its sidecars do now.
  const bool has_begun = std::any_of(
      containers.containers.begin(), containers.containers.end(),
      [](const ContainerStatus& one) { return one.state.kind != Kind::Waiting || one.last.has_value(); });
  const std::string incomplete =
      has_begun ? std::string() : names_but(inits, containers.init_containers, is_init_done);
  if (incomplete.empty()) {
    set_condition(status, "Initialized", "True", now);
  } else {
    set_condition(status, "Initialized", "False", now, "ContainersNotInitialized",
                  "containers with incomplete status: " + incomplete);
  }
  set_readiness(status, pod, containers, now);

  const char* waiting_reason = incomplete.empty() ? "ContainerCreating" : "PodInitializing";
  json statuses = json::array();
  for (const json& spec : array_at(pod, "spec.containers")) {
    statuses.push_back(
        container_json(spec, find_status(containers.containers, text_at(spec, "name")), waiting_reason));
  }
  status["containerStatuses"] = std::move(statuses);
  if (!inits.empty()) {
    json init_statuses = json::array();
    for (const json& spec : inits) {
      init_statuses.push_back(
          init_json(spec, find_status(containers.init_containers, text_at(spec, "name"))));
    }
    status["initContainerStatuses"] = std::move(init_statuses);
  }
  return status;
}

}  // namespace labctl::kubelet
