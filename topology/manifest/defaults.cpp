#include "topology/manifest/defaults.hpp"

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

void fill_in_container(json& container, bool host_network) {
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
}

void fill_in_pod_spec(json& spec) {
  fill_in(spec, "restartPolicy", "Always");
  fill_in(spec, "terminationGracePeriodSeconds", 30);
  fill_in(spec, "dnsPolicy", "ClusterFirst");
  fill_in(spec, "enableServiceLinks", true);
  fill_in(spec, "schedulerName", "default-scheduler");
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

}  // namespace

void fill_in_defaults(json& object, std::string_view kind) {
  if (kind == "Namespace") {
    object["metadata"]["labels"]["kubernetes.io/metadata.name"] = object["metadata"]["name"];
  } else if (kind == "Pod") {
    fill_in_pod_spec(object["spec"]);
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
