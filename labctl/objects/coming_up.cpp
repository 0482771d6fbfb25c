#include "labctl/objects/coming_up.hpp"

#include "labctl/objects/fields.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>

namespace labctl::objects {
namespace {

using nlohmann::json;

bool has_condition(const json& object, std::string_view type, std::string_view status) {
  const json* found = condition(object, type);
  return found != nullptr && text_at(*found, "status") == status;
}

std::string with_cause(std::string what, const std::string& cause) {
  return cause.empty() ? what : what.empty() ? cause : what + ": " + cause;
}

std::string reason_of(const json* said) {
  return said == nullptr ? std::string() : with_cause(text_at(*said, "reason"), text_at(*said, "message"));
}

// Those of the lab itself are opened by it.
bool waits_for_a_client(const json& pod) {
  const json* ready = condition(pod, "Ready");
  if (ready == nullptr || text_at(*ready, "reason") != "ReadinessGatesNotReady") {
    return false;
  }
  const json& gates = list_at(pod, "spec.readinessGates");
  return std::any_of(gates.begin(), gates.end(), [&](const json& gate) {
    const std::string& type = text_at(gate, "conditionType");
    return !type.starts_with("labctl.dev/") && !has_condition(pod, type, "True");
  });
}

ComingUp pod_coming_up(const json& pod) {
  const json* controller = controller_of(pod);
  const bool is_of_job = controller != nullptr && text_at(*controller, "kind") == "Job";
  if (is_finished(pod)) {
    const bool is_lost = phase_of(pod) == "Failed" && controller == nullptr;
    return is_lost ? ComingUp::Stuck : ComingUp::Up;
  }
  if (is_ready(pod) && !is_of_job) {
    return ComingUp::Up;
  }
  const bool is_stuck = has_condition(pod, "PodScheduled", "False") || waits_for_a_client(pod);
  return is_stuck ? ComingUp::Stuck : ComingUp::UnderWay;
}

ComingUp job_coming_up(const json& job) {
  if (has_condition(job, "Complete", "True") || is_true_at(job, "spec.suspend")) {
    return ComingUp::Up;
  }
  return has_condition(job, "Failed", "True") ? ComingUp::Stuck : ComingUp::UnderWay;
}

struct Count {
  std::int64_t made = 0;
  std::int64_t wanted = 0;
};

Count pods_of(std::string_view resource, const json& workload) {
  if (resource == "daemonsets") {
    return {number_at(workload, "status.currentNumberScheduled", 0),
            number_at(workload, "status.desiredNumberScheduled", 0)};
  }
  return {number_at(workload, "status.replicas", 0), number_at(workload, "spec.replicas", 1)};
}

// Its controller has not looked at it yet, or cannot make what it needs to make pods.
bool is_unseen(const json& workload) {
  return number_at(workload, "status.observedGeneration", 0) < number_at(workload, "metadata.generation", 1);
}

ComingUp workload_coming_up(std::string_view resource, const json& workload) {
  if (is_unseen(workload)) {
    return ComingUp::UnderWay;
  }
  if (resource == "deployments") {
    // Its ReplicaSet counts the pods.
    const json* progressing = condition(workload, "Progressing");
    const bool has_no_set =
        progressing != nullptr && text_at(*progressing, "reason") == "ReplicaSetCreateError";
    return has_no_set ? ComingUp::Stuck : ComingUp::Up;
  }
  const Count pods = pods_of(resource, workload);
  return pods.made < pods.wanted ? ComingUp::UnderWay : ComingUp::Up;
}

void add_containers(const json& pod, const char* path, const char* kind, std::vector<std::string>& reasons) {
  for (const json& status : list_at(pod, path)) {
    const std::string name = kind + text_at(status, "name");
    const json* waiting = field(status, "state.waiting");
    const json* terminated = field(status, "state.terminated");
    if (waiting != nullptr) {
      const std::string& why = text_at(*waiting, "reason");
      if (why != "PodInitializing" && why != "ContainerCreating") {
        reasons.push_back(with_cause(name + ": waiting", reason_of(waiting)));
      }
    } else if (terminated != nullptr && number_at(*terminated, "exitCode", 0) != 0) {
      reasons.push_back(with_cause(name + ": terminated", reason_of(terminated)) + " (exit code " +
                        std::to_string(number_at(*terminated, "exitCode", 0)) + ")");
    } else if (field(status, "state.running") != nullptr && !is_true_at(status, "ready")) {
      reasons.push_back(name + ": " + (is_true_at(status, "started") ? "not ready" : "not started"));
    }
  }
}

std::vector<std::string> why_pod_not_up(const json& pod) {
  if (has_condition(pod, "PodScheduled", "False")) {
    return {reason_of(condition(pod, "PodScheduled"))};
  }
  std::vector<std::string> reasons;
  if (phase_of(pod) == "Failed") {
    const json* status = field(pod, "status");
    reasons.push_back(with_cause("Failed", reason_of(status)));
  }
  add_containers(pod, "status.initContainerStatuses", "init container ", reasons);
  add_containers(pod, "status.containerStatuses", "container ", reasons);
  if (reasons.empty() && is_ready(pod)) {
    reasons.emplace_back("still runs");
  }
  if (reasons.empty() && condition(pod, "Ready") != nullptr) {
    reasons.push_back(reason_of(condition(pod, "Ready")));
  }
  return reasons;
}

std::vector<std::string> why_workload_not_up(std::string_view resource, const json& workload) {
  if (resource == "jobs") {
    const json* failed = condition(workload, "Failed");
    return {failed == nullptr ? "not complete" : with_cause("Failed", reason_of(failed))};
  }
  if (resource == "deployments" && condition(workload, "Progressing") != nullptr) {
    return {reason_of(condition(workload, "Progressing"))};
  }
  const Count pods = pods_of(resource, workload);
  return {std::to_string(pods.made) + " of " + std::to_string(pods.wanted) + " pods are made"};
}

}  // namespace

ComingUp coming_up(std::string_view resource, const json& object) {
  if (is_being_deleted(object)) {
    return ComingUp::Up;
  }
  if (resource == "pods") {
    return pod_coming_up(object);
  }
  if (resource == "jobs") {
    return job_coming_up(object);
  }
  const bool makes_pods = resource == "deployments" || resource == "replicasets" ||
                          resource == "statefulsets" || resource == "daemonsets";
  return makes_pods ? workload_coming_up(resource, object) : ComingUp::Up;
}

std::vector<std::string> why_not_up(std::string_view resource, const json& object,
                                    const std::string& warning) {
  std::vector<std::string> reasons =
      resource == "pods" ? why_pod_not_up(object) : why_workload_not_up(resource, object);
  const bool is_said = std::any_of(reasons.begin(), reasons.end(), [&](const std::string& reason) {
    return reason.find(warning) != std::string::npos;
  });
  if (!warning.empty() && !is_said) {
    reasons.push_back(warning);
  }
  if (reasons.empty()) {
    reasons.emplace_back(phase_of(object));
  }
  return reasons;
}

}  // namespace labctl::objects
