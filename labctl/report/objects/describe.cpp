#include "labctl/report/objects/describe.hpp"

#include "labctl/report/objects/age.hpp"
#include "labctl/report/objects/config_objects.hpp"
#include "labctl/report/objects/describe_parts.hpp"
#include "labctl/report/objects/describe_service.hpp"
#include "labctl/report/objects/fields.hpp"
#include "labctl/report/objects/job_cells.hpp"
#include "labctl/report/objects/resources.hpp"
#include "labctl/report/text/table.hpp"
#include "labctl/report/text/yaml.hpp"
#include "topology/base/printable.hpp"

#include <algorithm>
#include <ostream>
#include <sstream>
#include <string>

namespace labctl::report {
namespace {

using Json = nlohmann::json;

std::string controller_of(const Json& object) {
  for (const Json& owner : at(object, "/metadata/ownerReferences")) {
    if (flag(owner, "/controller")) {
      return text(owner, "/kind") + "/" + text(owner, "/name");
    }
  }
  return {};
}

void print_events(std::ostream& out, const std::vector<Json>& events,
                  std::chrono::system_clock::time_point now) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& event : events) {
    const std::string last = text_or(event, "/lastTimestamp", text(event, "/metadata/creationTimestamp"));
    const long long count = number(event, "/count");
    std::string age = age_since(last, now);
    if (count > 1) {
      age += " (x" + std::to_string(count) + " over " +
             age_since(text_or(event, "/firstTimestamp", last), now) + ")";
    }
    rows.push_back({text(event, "/type"), text(event, "/reason"), age, text(event, "/source/component"),
                    text(event, "/message")});
  }
  print_section(out, "Events", {"Type", "Reason", "Age", "From", "Message"}, rows);
}

void print_conditions(std::ostream& out, const Json& object) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& condition : at(object, "/status/conditions")) {
    rows.push_back({text(condition, "/type"), text(condition, "/status"), text(condition, "/reason"),
                    text(condition, "/message")});
  }
  print_section(out, "Conditions", {"Type", "Status", "Reason", "Message"}, rows);
}

void print_state(std::ostream& out, const std::string& key, const Json& state) {
  Block head(4);
  Block rest(6);
  if (const Json& running = at(state, "/running"); running.is_object()) {
    head.add(key, "Running");
    rest.add_if("Started", long_time(text(running, "/startedAt")));
  } else if (const Json& terminated = at(state, "/terminated"); terminated.is_object()) {
    head.add(key, "Terminated");
    rest.add_if("Reason", text(terminated, "/reason"));
    rest.add_if("Message", text(terminated, "/message"));
    rest.add("Exit Code", std::to_string(number(terminated, "/exitCode")));
    rest.add_if("Started", long_time(text(terminated, "/startedAt")));
    rest.add_if("Finished", long_time(text(terminated, "/finishedAt")));
  } else if (const Json& waiting = at(state, "/waiting"); waiting.is_object()) {
    head.add(key, "Waiting");
    rest.add_if("Reason", text(waiting, "/reason"));
    rest.add_if("Message", text(waiting, "/message"));
  } else {
    return;
  }
  head.print(out);
  rest.print(out);
}

std::string container_ports(const Json& container) {
  std::string out;
  for (const Json& port : at(container, "/ports")) {
    out += (out.empty() ? "" : ", ") + text(port, "/containerPort") + "/" + text_or(port, "/protocol", "TCP");
    if (const std::string name = text(port, "/name"); !name.empty()) {
      out += " (" + name + ")";
    }
    if (number(port, "/hostPort") != 0) {
      out += " on host port " + text(port, "/hostPort");
    }
  }
  return out;
}

// Values from Secrets and ConfigMaps are named, never shown.
std::string environment(const Json& container) {
  std::string out;
  for (const Json& variable : at(container, "/env")) {
    std::string value = text(variable, "/value");
    if (const Json& from = at(variable, "/valueFrom"); from.is_object() && !from.empty()) {
      const Json& source = *from.begin();
      value = "<" + from.begin().key() + " " +
              text_or(source, "/fieldPath", text(source, "/name") + "/" + text(source, "/key")) + ">";
    }
    out += (out.empty() ? "" : "\n") + printable_line(text(variable, "/name") + "=" + value);
  }
  return out.empty() ? "<none>" : out;
}

// "http-get http://:8080/healthz delay=0s timeout=1s period=10s #success=1 #failure=3", as kubectl.
std::string probe_text(const Json& probe) {
  if (!probe.is_object()) {
    return {};
  }
  std::string action = "unknown";
  const auto target = [&](const std::string& kind) {
    return text(probe, kind + "/host") + ":" + text(probe, kind + "/port");
  };
  if (at(probe, "/exec").is_object()) {
    action = "exec [";
    for (const Json& word : list(probe, "/exec/command")) {
      action +=
          (action.back() == '[' ? "" : " ") + (word.is_string() ? word.get<std::string>() : word.dump());
    }
    action += "]";
  } else if (at(probe, "/httpGet").is_object()) {
    const bool is_tls = text(probe, "/httpGet/scheme") == "HTTPS";
    const std::string path = text(probe, "/httpGet/path");
    action = std::string("http-get ") + (is_tls ? "https" : "http") + "://" + target("/httpGet") +
             (path.starts_with('/') ? "" : "/") + path;
  } else if (at(probe, "/tcpSocket").is_object()) {
    action = "tcp-socket " + target("/tcpSocket");
  } else if (at(probe, "/grpc").is_object()) {
    action = "grpc <pod>:" + text(probe, "/grpc/port") + " " + text(probe, "/grpc/service");
  }
  return action + " delay=" + text_or(probe, "/initialDelaySeconds", "0") +
         "s timeout=" + text_or(probe, "/timeoutSeconds", "1") +
         "s period=" + text_or(probe, "/periodSeconds", "10") +
         "s #success=" + text_or(probe, "/successThreshold", "1") +
         " #failure=" + text_or(probe, "/failureThreshold", "3");
}

// As the kubelet writes it, of a container whose image is not run.
constexpr const char* kStandInImageId = "labctl://stand-in";

void print_containers(std::ostream& out, const std::string& heading, const Json& containers,
                      const Json& statuses) {
  if (!containers.is_array() || containers.empty()) {
    return;
  }
  out << heading << ":\n";
  for (const Json& container : containers) {
    const std::string name = text(container, "/name");
    Json status;
    for (const Json& candidate : statuses) {
      if (text(candidate, "/name") == name) {
        status = candidate;
      }
    }
    out << "  " << printable_line(name) << ":\n";
    Block block(4);
    block.add("Image", text_or(container, "/image", "<none>"));
    block.add_if("Ports", container_ports(container));
    block.add_list("Command", at(container, "/command"));
    block.add_list("Args", at(container, "/args"));
    block.print(out);
    if (text(status, "/imageID") == kStandInImageId) {
      Block stand_in(4);
      stand_in.add("Stand-In",
                   "the built-in server: no entry of the Cluster's images says how to run this image");
      stand_in.print(out);
    }
    if (status.is_object()) {
      print_state(out, "State", at(status, "/state"));
      print_state(out, "Last State", at(status, "/lastState"));
      Block more(4);
      more.add("Ready", flag(status, "/ready") ? "True" : "False");
      more.add("Restart Count", std::to_string(number(status, "/restartCount")));
      more.print(out);
    }
    Block last(4);
    last.add_if("Liveness", probe_text(at(container, "/livenessProbe")));
    last.add_if("Readiness", probe_text(at(container, "/readinessProbe")));
    last.add_if("Startup", probe_text(at(container, "/startupProbe")));
    last.add("Environment", environment(container));
    last.print(out);
  }
}

// "gpu=a100:NoSchedule", as kubectl.
std::string taint_text(const Json& taint) {
  const std::string value = text(taint, "/value");
  return text(taint, "/key") + (value.empty() ? "" : "=" + value) + ":" + text(taint, "/effect");
}

// "gpu=a100:NoSchedule for 60s", "node.kubernetes.io/not-ready:NoExecute op=Exists", by their keys.
Json toleration_texts(const Json& pod) {
  Json texts = Json::array();
  std::vector<Json> tolerations = list(pod, "/spec/tolerations");
  std::stable_sort(tolerations.begin(), tolerations.end(),
                   [](const Json& a, const Json& b) { return text(a, "/key") < text(b, "/key"); });
  for (const Json& toleration : tolerations) {
    const std::string value = text(toleration, "/value");
    const std::string effect = text(toleration, "/effect");
    std::string line = text(toleration, "/key") + (value.empty() ? "" : "=" + value);
    line += effect.empty() ? "" : ":" + effect;
    line +=
        text(toleration, "/operator") == "Exists" ? std::string(line.empty() ? "" : " ") + "op=Exists" : "";
    const std::string seconds = text(toleration, "/tolerationSeconds");
    texts.push_back(line + (seconds.empty() ? "" : " for " + seconds + "s"));
  }
  return texts;
}

void describe_pod(std::ostream& out, const Json& pod) {
  Block block(0);
  add_identity(block, pod);
  std::string node = text_or(pod, "/spec/nodeName", "<none>");
  if (const std::string ip = text(pod, "/status/hostIP"); !ip.empty()) {
    node += "/" + ip;
  }
  block.add("Node", node);
  block.add_if("Start Time", long_time(text(pod, "/status/startTime")));
  add_metadata(block, pod);
  block.add("Status", pod_status(pod));
  block.add_if("Reason", text(pod, "/status/reason"));
  block.add_if("Message", text(pod, "/status/message"));
  Json ips = Json::array();
  for (const Json& ip : at(pod, "/status/podIPs")) {
    ips.push_back(text(ip, "/ip"));
  }
  block.add("IPs", ips.empty() ? text_or(pod, "/status/podIP", "<none>") : join_texts(ips));
  block.add_if("Controlled By", controller_of(pod));
  block.print(out);
  print_containers(out, "Init Containers", at(pod, "/spec/initContainers"),
                   at(pod, "/status/initContainerStatuses"));
  print_containers(out, "Containers", at(pod, "/spec/containers"), at(pod, "/status/containerStatuses"));
  print_conditions(out, pod);
  Block more(0);
  more.add_if("QoS Class", text(pod, "/status/qosClass"));
  more.add_map("Node-Selectors", at(pod, "/spec/nodeSelector"));
  if (const Json tolerations = toleration_texts(pod); tolerations.empty()) {
    more.add("Tolerations", "<none>");
  } else {
    more.add_list("Tolerations", tolerations);
  }
  more.print(out);
}

void describe_node(std::ostream& out, const Json& node, const std::vector<Json>& pods) {
  Block block(0);
  add_identity(block, node);
  add_metadata(block, node);
  block.add("Created", long_time(text(node, "/metadata/creationTimestamp")));
  const Json& cidrs = at(node, "/spec/podCIDRs");
  std::string taints;
  for (const Json& taint : list(node, "/spec/taints")) {
    taints += (taints.empty() ? "" : ",") + taint_text(taint);
  }
  block.add("Taints", taints.empty() ? "<none>" : taints);
  block.add("Unschedulable", text_or(node, "/spec/unschedulable", "false"));
  block.add("Pod CIDRs", cidrs.is_array() && !cidrs.empty() ? join_texts(cidrs)
                                                            : text_or(node, "/spec/podCIDR", "<none>"));
  block.print(out);
  std::vector<std::vector<std::string>> addresses;
  for (const Json& address : at(node, "/status/addresses")) {
    addresses.push_back({text(address, "/type"), text(address, "/address")});
  }
  print_section(out, "Addresses", {"Type", "Address"}, addresses);
  print_conditions(out, node);
  if (const Json& capacity = at(node, "/status/capacity"); capacity.is_object() && !capacity.empty()) {
    Block more(0);
    more.add_map("Capacity", capacity);
    more.print(out);
  }
  std::vector<std::vector<std::string>> rows;
  for (const Json& pod : pods) {
    rows.push_back({text(pod, "/metadata/namespace"), text(pod, "/metadata/name"), pod_status(pod),
                    text_or(pod, "/status/podIP", "<none>")});
  }
  print_section(out, "Pods (" + std::to_string(rows.size()) + ")", {"Namespace", "Name", "Status", "IP"},
                rows);
}

void print_template(std::ostream& out, const Json& pod_template) {
  out << "Pod Template:\n";
  Block block(2);
  block.add_map("Labels", at(pod_template, "/metadata/labels"));
  block.print(out);
  std::ostringstream containers;
  print_containers(containers, "Containers", at(pod_template, "/spec/containers"), Json());
  print_indented(out, containers.str(), 2);
}

void describe_workload(std::ostream& out, const Json& object, const std::vector<Json>& related) {
  Block block(0);
  add_identity(block, object);
  block.add("Created", long_time(text(object, "/metadata/creationTimestamp")));
  add_metadata(block, object);
  block.add("Selector", join_selector(at(object, "/spec/selector")));
  block.add_if("Controlled By", controller_of(object));
  if (text(object, "/kind") == "DaemonSet") {
    block.add("Desired", text_or(object, "/status/desiredNumberScheduled", "0"));
    block.add("Ready", text_or(object, "/status/numberReady", "0"));
  } else {
    block.add(
        "Replicas",
        text_or(object, "/spec/replicas", "1") + " desired | " +
            text_or(object, "/status/updatedReplicas", text_or(object, "/status/replicas", "0")) +
            " updated | " + text_or(object, "/status/replicas", "0") + " total | " +
            text_or(object, "/status/availableReplicas", text_or(object, "/status/readyReplicas", "0")) +
            " available");
  }
  block.add_if("Strategy", text_or(object, "/spec/strategy/type", text(object, "/spec/updateStrategy/type")));
  if (const Json& rolling = at(object, "/spec/strategy/rollingUpdate"); rolling.is_object()) {
    block.add("Rolling Update", text_or(rolling, "/maxUnavailable", "25%") + " max unavailable, " +
                                    text_or(rolling, "/maxSurge", "25%") + " max surge");
  }
  block.print(out);
  print_template(out, at(object, "/spec/template"));
  print_conditions(out, object);
  std::vector<std::vector<std::string>> rows;
  for (const Json& item : related) {
    if (text(item, "/kind") == "ReplicaSet") {
      rows.push_back({text(item, "/metadata/name"), text_or(item, "/spec/replicas", "0"),
                      text_or(item, "/status/readyReplicas", "0")});
    }
  }
  if (text(object, "/kind") == "Deployment") {
    print_section(out, "ReplicaSets", {"Name", "Desired", "Ready"}, rows);
  }
}

void describe_job(std::ostream& out, const Json& job, std::chrono::system_clock::time_point now) {
  Block block(0);
  add_identity(block, job);
  block.add("Selector", join_selector(at(job, "/spec/selector")));
  add_metadata(block, job);
  block.add_if("Controlled By", controller_of(job));
  block.add("Parallelism", text_or(job, "/spec/parallelism", "<unset>"));
  block.add("Completions", text_or(job, "/spec/completions", "<unset>"));
  block.add("Completion Mode", text_or(job, "/spec/completionMode", "NonIndexed"));
  block.add("Suspend", flag(job, "/spec/suspend") ? "true" : "false");
  block.add("Backoff Limit", text_or(job, "/spec/backoffLimit", "6"));
  block.add_if("TTL Seconds After Finished", text(job, "/spec/ttlSecondsAfterFinished"));
  block.add_if("Start Time", long_time(text(job, "/status/startTime")));
  block.add_if("Completed At", long_time(text(job, "/status/completionTime")));
  if (!text(job, "/status/completionTime").empty()) {
    block.add("Duration", job_duration(job, now));
  }
  if (const std::string deadline = text(job, "/spec/activeDeadlineSeconds"); !deadline.empty()) {
    block.add("Active Deadline Seconds", deadline + "s");
  }
  block.add("Pods Statuses", text_or(job, "/status/active", "0") + " Active (" +
                                 text_or(job, "/status/ready", "0") + " Ready) / " +
                                 text_or(job, "/status/succeeded", "0") + " Succeeded / " +
                                 text_or(job, "/status/failed", "0") + " Failed");
  if (text(job, "/spec/completionMode") == "Indexed") {
    block.add("Completed Indexes", text_or(job, "/status/completedIndexes", "<none>"));
  }
  block.add_if("Failed Indexes", text(job, "/status/failedIndexes"));
  block.print(out);
  print_template(out, at(job, "/spec/template"));
  print_conditions(out, job);
}

// Any other kind: its metadata, then its own fields as YAML.
void describe_fields(std::ostream& out, const Json& object) {
  Block block(0);
  add_identity(block, object);
  block.add("Kind", text(object, "/kind"));
  block.add("Created", long_time(text(object, "/metadata/creationTimestamp")));
  add_metadata(block, object);
  block.print(out);
  for (const auto& [key, value] : object.items()) {
    if (key != "metadata" && key != "kind" && key != "apiVersion") {
      std::string title = key;
      title.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(title.front())));
      std::ostringstream body;
      write_yaml(body, value);
      out << title << ":\n";
      print_indented(out, body.str(), 2);
    }
  }
}

}  // namespace

void print_description(std::ostream& out, const Json& object, const std::vector<Json>& events,
                       const std::vector<Json>& related, std::chrono::system_clock::time_point now,
                       const Json* programmed) {
  const std::string kind = text(object, "/kind");
  if (kind == "Pod") {
    describe_pod(out, object);
  } else if (kind == "Node") {
    describe_node(out, object, related);
  } else if (kind == "Deployment" || kind == "ReplicaSet" || kind == "StatefulSet" || kind == "DaemonSet") {
    describe_workload(out, object, related);
  } else if (kind == "Job") {
    describe_job(out, object, now);
  } else if (kind == "Service") {
    describe_service(out, object, related);
  } else if (!describe_config(out, object)) {
    describe_fields(out, object);
  }
  print_events(out, events, now);
  if (programmed != nullptr) {
    print_programmed(out, *programmed);
  }
}

}  // namespace labctl::report
