#include "topology/manifest/defaults.hpp"

#include "topology/base/base64.hpp"
#include "topology/model/well_known.hpp"

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace labctl::manifest {
namespace {

using nlohmann::json;

void fill_in(json& object, const char* field, json value) {
  if (!object.contains(field)) {
    object[field] = std::move(value);
  }
}

// The array at `field`; an empty one if there is none.
json& list_at(json& object, const char* field) {
  static json none = json::array();
  const auto found = object.find(field);
  return found == object.end() ? none : *found;
}

// Where 0 is the same as nothing.
void fill_in_count(json& object, const char* field, int value) {
  if (object.value(field, 0) == 0) {
    object[field] = value;
  }
}

void fill_in_http_get(json& action) {
  const auto http = action.find("httpGet");
  if (http != action.end()) {
    if (http->value("path", "").empty()) {
      (*http)["path"] = "/";
    }
    if (http->value("scheme", "").empty()) {
      (*http)["scheme"] = "HTTP";
    }
  }
}

void fill_in_probe(json& probe) {
  fill_in_count(probe, "timeoutSeconds", 1);
  fill_in_count(probe, "periodSeconds", 10);
  fill_in_count(probe, "successThreshold", 1);
  fill_in_count(probe, "failureThreshold", 3);
  fill_in_http_get(probe);
  if (const auto grpc = probe.find("grpc"); grpc != probe.end()) {
    fill_in(*grpc, "service", "");
  }
}

// Amounts are texts in all that the API gives out, also those that were written as numbers.
void fill_in_amounts(json& amounts) {
  for (auto& [resource, amount] : amounts.items()) {
    if (amount.is_number()) {
      amount = amount.dump();
    }
  }
}

void fill_in_container(json& container, bool host_network) {
  if (const auto resources = container.find("resources"); resources != container.end()) {
    for (const char* field : {"requests", "limits"}) {
      if (const auto amounts = resources->find(field); amounts != resources->end()) {
        fill_in_amounts(*amounts);
      }
    }
  }
  for (json& port : list_at(container, "ports")) {
    fill_in(port, "protocol", "TCP");
    if (host_network) {
      fill_in(port, "hostPort", port.at("containerPort"));
    }
  }
  for (json& variable : list_at(container, "env")) {
    const auto source = variable.find("valueFrom");
    if (source != variable.end() && source->contains("fieldRef")) {
      fill_in((*source)["fieldRef"], "apiVersion", "v1");
    }
  }
  for (const char* field : {"livenessProbe", "readinessProbe", "startupProbe"}) {
    if (const auto probe = container.find(field); probe != container.end()) {
      fill_in_probe(*probe);
    }
  }
  if (const auto lifecycle = container.find("lifecycle"); lifecycle != container.end()) {
    for (const char* hook : {"postStart", "preStop"}) {
      if (const auto action = lifecycle->find(hook); action != lifecycle->end()) {
        fill_in_http_get(*action);
      }
    }
  }
}

void fill_in_volume(json& volume) {
  if (volume.size() < 2) {
    fill_in(volume, "emptyDir", json::object());
  }
  for (const char* kind : {"configMap", "secret", "downwardAPI", "projected"}) {
    if (const auto source = volume.find(kind); source != volume.end()) {
      fill_in(*source, "defaultMode", 0644);
    }
  }
  if (const auto projected = volume.find("projected"); projected != volume.end()) {
    for (json& source : list_at(*projected, "sources")) {
      if (const auto token = source.find("serviceAccountToken"); token != source.end()) {
        fill_in(*token, "expirationSeconds", 3600);
      }
    }
  }
}

void fill_in_pod_spec(json& spec) {
  fill_in(spec, "restartPolicy", "Always");
  fill_in(spec, "terminationGracePeriodSeconds", 30);
  fill_in(spec, "dnsPolicy", "ClusterFirst");
  fill_in(spec, "enableServiceLinks", true);
  fill_in(spec, "schedulerName", "default-scheduler");
  for (json& volume : list_at(spec, "volumes")) {
    fill_in_volume(volume);
  }
  if (const auto overhead = spec.find("overhead"); overhead != spec.end()) {
    fill_in_amounts(*overhead);
  }
  const bool host_network = spec.value("hostNetwork", false);
  for (const char* field : {"initContainers", "containers"}) {
    for (json& container : list_at(spec, field)) {
      fill_in_container(container, host_network);
    }
  }
}

void fill_in_deployment(json& spec) {
  fill_in(spec, "replicas", 1);
  fill_in(spec, "revisionHistoryLimit", 10);
  fill_in(spec, "progressDeadlineSeconds", 600);
  fill_in(spec, "strategy", json::object());
  json& strategy = spec["strategy"];
  fill_in(strategy, "type", "RollingUpdate");
  if (strategy["type"] == "RollingUpdate") {
    fill_in(strategy, "rollingUpdate", json::object());
    fill_in(strategy["rollingUpdate"], "maxSurge", "25%");
    fill_in(strategy["rollingUpdate"], "maxUnavailable", "25%");
  }
}

void fill_in_stateful_set(json& spec) {
  fill_in(spec, "replicas", 1);
  fill_in(spec, "revisionHistoryLimit", 10);
  fill_in(spec, "podManagementPolicy", "OrderedReady");
  fill_in(spec, "updateStrategy", json::object());
  json& strategy = spec["updateStrategy"];
  fill_in(strategy, "type", "RollingUpdate");
  if (strategy["type"] == "RollingUpdate") {
    fill_in(strategy, "rollingUpdate", json::object());
    fill_in(strategy["rollingUpdate"], "partition", 0);
  }
}

void fill_in_daemon_set(json& spec) {
  fill_in(spec, "revisionHistoryLimit", 10);
  fill_in(spec, "updateStrategy", json::object());
  json& strategy = spec["updateStrategy"];
  fill_in(strategy, "type", "RollingUpdate");
  if (strategy["type"] == "RollingUpdate") {
    fill_in(strategy, "rollingUpdate", json::object());
    fill_in(strategy["rollingUpdate"], "maxSurge", 0);
    fill_in(strategy["rollingUpdate"], "maxUnavailable", 1);
  }
}

// SetDefaults_Job: one pod if nothing is said; the labels of the pods are the Job's if it has none.
void fill_in_job_spec(json& spec) {
  if (!spec.contains("completions") && !spec.contains("parallelism")) {
    spec["completions"] = 1;
  }
  fill_in(spec, "parallelism", 1);
  fill_in(spec, "backoffLimit", spec.contains("backoffLimitPerIndex") ? std::numeric_limits<int>::max() : 6);
  fill_in(spec, "completionMode", "NonIndexed");
  fill_in(spec, "suspend", false);
  fill_in(spec, "manualSelector", false);
  const bool has_policy = spec.contains("podFailurePolicy");
  fill_in(spec, "podReplacementPolicy", has_policy ? "Failed" : "TerminatingOrFailed");
  if (has_policy) {
    for (json& rule : list_at(spec["podFailurePolicy"], "rules")) {
      for (json& pattern : list_at(rule, "onPodConditions")) {
        fill_in(pattern, "status", "True");
      }
    }
  }
  fill_in(spec["template"], "metadata", json::object());
  fill_in_pod_spec(spec["template"]["spec"]);
}

void fill_in_job(json& job) {
  fill_in_job_spec(job["spec"]);
  const json& metadata = job["spec"]["template"]["metadata"];
  const json labels = metadata.value("labels", json::object());
  if (!labels.empty() && job["metadata"].value("labels", json::object()).empty()) {
    job["metadata"]["labels"] = labels;
  }
}

void fill_in_cron_job(json& spec) {
  fill_in(spec, "concurrencyPolicy", "Allow");
  fill_in(spec, "suspend", false);
  fill_in(spec, "successfulJobsHistoryLimit", 3);
  fill_in(spec, "failedJobsHistoryLimit", 1);
  json& pod_template = spec["jobTemplate"]["spec"]["template"];
  fill_in(pod_template, "metadata", json::object());
  fill_in_pod_spec(pod_template["spec"]);
}

// ---- Services -----------------------------------------------------------------------------------
void fill_in_service_ports(json& spec) {
  for (json& port : list_at(spec, "ports")) {
    fill_in(port, "protocol", "TCP");
    const json target = port.value("targetPort", json(0));
    if (target == 0 || target == "") {
      port["targetPort"] = port.at("port");
    }
  }
}

void fill_in_affinity(json& spec) {
  fill_in(spec, "sessionAffinity", "None");
  if (spec["sessionAffinity"] == "ClientIP") {
    fill_in(spec, "sessionAffinityConfig", json::object());
    fill_in(spec["sessionAffinityConfig"], "clientIP", json::object());
    fill_in(spec["sessionAffinityConfig"]["clientIP"], "timeoutSeconds", 10800);
  } else {
    spec.erase("sessionAffinityConfig");
  }
}

bool is_headless(const json& spec) {
  const json ips = spec.value("clusterIPs", json::array());
  return spec.value("clusterIP", "") == "None" || (!ips.empty() && ips.front() == "None");
}

void fill_in_service(json& spec) {
  fill_in(spec, "type", "ClusterIP");
  const std::string type = spec["type"];
  const bool has_node_ports = type == "NodePort" || type == "LoadBalancer";
  fill_in_service_ports(spec);
  fill_in_affinity(spec);
  if (type != "ExternalName" && !is_headless(spec)) {
    fill_in(spec, "internalTrafficPolicy", "Cluster");
  }
  if (has_node_ports || (type == "ClusterIP" && !spec.value("externalIPs", json::array()).empty())) {
    fill_in(spec, "externalTrafficPolicy", "Cluster");
  }
  if (type == "LoadBalancer") {
    fill_in(spec, "allocateLoadBalancerNodePorts", true);
  }
}

// Of an EndpointSlice, or of a subset of Endpoints.
void fill_in_endpoint_ports(json& object) {
  for (json& port : list_at(object, "ports")) {
    fill_in(port, "name", "");
    fill_in(port, "protocol", "TCP");
  }
}

// ---- Configuration and storage ------------------------------------------------------------------
// stringData is for writing only: the API server keeps it as data.
void fill_in_secret(json& secret) {
  if (secret.value("type", "").empty()) {
    secret["type"] = "Opaque";
  }
  const auto texts = secret.find("stringData");
  if (texts == secret.end()) {
    return;
  }
  if (texts->is_object() && !texts->empty()) {
    json data = secret.value("data", json::object());
    for (const auto& [key, value] : texts->items()) {
      data[key] = to_base64(value.get_ref<const std::string&>());
    }
    secret["data"] = std::move(data);
  }
  secret.erase("stringData");
}

bool fill_in_storage(json& object, std::string_view kind) {
  if (kind == "PersistentVolumeClaim" || kind == "PersistentVolume") {
    json& spec = object["spec"];
    fill_in(spec, "volumeMode", "Filesystem");
    if (kind == "PersistentVolume") {
      fill_in(spec, "persistentVolumeReclaimPolicy", "Retain");
    }
    return true;
  }
  if (kind == "StorageClass") {
    fill_in(object, "reclaimPolicy", "Delete");
    fill_in(object, "volumeBindingMode", "Immediate");
    return true;
  }
  return false;
}

}  // namespace

void fill_in_defaults(json& object, std::string_view kind) {
  if (kind == "Namespace") {
    object["metadata"]["labels"][model::kNamespaceNameLabel] = object["metadata"]["name"];
  } else if (kind == "Pod") {
    fill_in_pod_spec(object["spec"]);
  } else if (kind == "Secret") {
    fill_in_secret(object);
  } else if (fill_in_storage(object, kind)) {
    return;
  } else if (kind == "Service") {
    fill_in_service(object["spec"]);
  } else if (kind == "Job") {
    fill_in_job(object);
  } else if (kind == "CronJob") {
    fill_in_cron_job(object["spec"]);
  } else if (kind == "EndpointSlice") {
    fill_in(object, "endpoints", json::array());
    fill_in_endpoint_ports(object);
  } else if (kind == "Endpoints") {
    for (json& subset : list_at(object, "subsets")) {
      fill_in_endpoint_ports(subset);
    }
  } else if (kind == "Deployment" || kind == "ReplicaSet" || kind == "StatefulSet" || kind == "DaemonSet") {
    json& spec = object["spec"];
    if (kind == "Deployment") {
      fill_in_deployment(spec);
    } else if (kind == "ReplicaSet") {
      fill_in(spec, "replicas", 1);
    } else if (kind == "StatefulSet") {
      fill_in_stateful_set(spec);
    } else {
      fill_in_daemon_set(spec);
    }
    json& pod_template = spec["template"];
    fill_in(pod_template, "metadata", json::object());
    fill_in_pod_spec(pod_template["spec"]);
  }
}

}  // namespace labctl::manifest
