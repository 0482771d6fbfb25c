#include "topology/manifest/policy_defaults.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace labctl::manifest {
namespace {

using nlohmann::json;

constexpr const char* kRbacGroup = "rbac.authorization.k8s.io";
// defaultCPUUtilization.
constexpr int kDefaultUtilization = 80;

void fill_in_if_absent(json& object, const char* field, json value) {
  if (!object.contains(field)) {
    object[field] = std::move(value);
  }
}

json cpu_metric(const json& utilization) {
  return {{"type", "Resource"},
          {"resource",
           {{"name", "cpu"}, {"target", {{"type", "Utilization"}, {"averageUtilization", utilization}}}}}};
}

void fill_in_scaler(json& scaler) {
  json& spec = scaler["spec"];
  json utilization = kDefaultUtilization;
  if (const auto target = spec.find("targetCPUUtilizationPercentage"); target != spec.end()) {
    utilization = std::move(*target);
    spec.erase(target);
  }
  scaler["apiVersion"] = "autoscaling/v2";
  fill_in_if_absent(spec, "minReplicas", 1);
  fill_in_if_absent(spec, "metrics", json::array({cpu_metric(utilization)}));
}

void fill_in_network_policy(json& policy) {
  json& spec = policy["spec"];
  fill_in_if_absent(spec, "podSelector", json::object());
  if (!spec.contains("policyTypes")) {
    spec["policyTypes"] = {"Ingress"};
    if (spec.contains("egress")) {
      spec["policyTypes"].push_back("Egress");
    }
  }
}

void fill_in_binding(json& binding) {
  if (binding["roleRef"].value("apiGroup", "").empty()) {
    binding["roleRef"]["apiGroup"] = kRbacGroup;
  }
  const auto subjects = binding.find("subjects");
  if (subjects == binding.end()) {
    return;
  }
  for (json& subject : *subjects) {
    if (subject.value("kind", "") != "ServiceAccount") {
      fill_in_if_absent(subject, "apiGroup", kRbacGroup);
    }
  }
}

}  // namespace

void fill_in_policy_defaults(json& object) {
  const std::string kind = object.value("kind", "");
  if (kind == "HorizontalPodAutoscaler") {
    fill_in_scaler(object);
  } else if (kind == "NetworkPolicy") {
    fill_in_network_policy(object);
  } else if (kind == "RoleBinding" || kind == "ClusterRoleBinding") {
    fill_in_binding(object);
  } else if (kind == "PriorityClass") {
    fill_in_if_absent(object, "preemptionPolicy", "PreemptLowerPriority");
  }
}

}  // namespace labctl::manifest
