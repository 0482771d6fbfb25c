#include "labctl/objects/decode_pod.hpp"

#include "labctl/objects/decode_volume.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/json_values.hpp"
#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace labctl::objects {
namespace {

using nlohmann::json;

model::ContainerPort decode_port(const json& port) {
  model::ContainerPort out;
  out.name = member_text(port, "name");
  out.container_port = port.at("containerPort").get<std::uint16_t>();
  out.host_port = port.value("hostPort", std::uint16_t{0});
  out.protocol = model::parse_protocol(port.value("protocol", "TCP")).value_or(model::Protocol::Tcp);
  if (!member_text(port, "hostIP").empty()) {
    out.host_ip = address_in(port.at("hostIP").get_ref<const std::string&>());
  }
  return out;
}

// Absent and 0 mean the default, as they do for Kubernetes.
int decode_count(const json& object, const char* field, int otherwise) {
  const json& value = member(object, field);
  const int count = value.is_null() ? 0 : value.get<int>();
  return count > 0 ? count : otherwise;
}

void decode_action_port(const json& action, model::ContainerAction& out) {
  out.host = member_text(action, "host");
  const json& port = action.at("port");
  if (port.is_string()) {
    out.port_name = port.get<std::string>();
  } else {
    out.port = port.get<std::uint16_t>();
  }
}

// Of a probe or a lifecycle hook.
model::ContainerAction decode_action(const json& source) {
  using Kind = model::ContainerAction::Kind;
  model::ContainerAction out;
  if (const json& get = member(source, "httpGet"); get.is_object()) {
    out.kind = Kind::HttpGet;
    decode_action_port(get, out);
    out.path = member_text(get, "path");
    out.is_https = member_text(get, "scheme") == "HTTPS";
    for (const json& header : member(get, "httpHeaders")) {
      out.headers.emplace_back(member_text(header, "name"), member_text(header, "value"));
    }
  } else if (const json& socket = member(source, "tcpSocket"); socket.is_object()) {
    out.kind = Kind::TcpSocket;
    decode_action_port(socket, out);
  } else if (const json& exec = member(source, "exec"); exec.is_object()) {
    out.kind = Kind::Exec;
    out.command = member_texts(exec, "command");
  } else if (const json& grpc = member(source, "grpc"); grpc.is_object()) {
    out.kind = Kind::Grpc;
    decode_action_port(grpc, out);
    out.service = member_text(grpc, "service");
  } else if (const json& sleep = member(source, "sleep"); sleep.is_object()) {
    out.kind = Kind::Sleep;
    out.duration = std::chrono::seconds(decode_count(sleep, "seconds", 0));
  }
  return out;
}

std::optional<model::ContainerProbe> decode_probe(const json& container, const char* field) {
  const json& probe = member(container, field);
  if (!probe.is_object()) {
    return std::nullopt;
  }
  model::ContainerProbe out;
  out.action = decode_action(probe);
  out.initial_delay = std::chrono::seconds(decode_count(probe, "initialDelaySeconds", 0));
  out.period = std::chrono::seconds(decode_count(probe, "periodSeconds", 10));
  out.timeout = std::chrono::seconds(decode_count(probe, "timeoutSeconds", 1));
  out.success_threshold = decode_count(probe, "successThreshold", 1);
  out.failure_threshold = decode_count(probe, "failureThreshold", 3);
  if (const int grace = decode_count(probe, "terminationGracePeriodSeconds", 0); grace > 0) {
    out.termination_grace = std::chrono::seconds(grace);
  }
  return out;
}

std::optional<std::uint32_t> decode_id(const json& security, const char* field) {
  const json& id = member(security, field);
  return id.is_null() ? std::nullopt : std::optional(id.get<std::uint32_t>());
}

model::SecurityContext decode_security(const json& spec) {
  const json& security = member(spec, "securityContext");
  model::SecurityContext out;
  if (!security.is_object()) {
    return out;
  }
  out.run_as_user = decode_id(security, "runAsUser");
  out.run_as_group = decode_id(security, "runAsGroup");
  out.fs_group = decode_id(security, "fsGroup");
  if (const json& non_root = member(security, "runAsNonRoot"); non_root.is_boolean()) {
    out.run_as_non_root = non_root.get<bool>();
  }
  if (const json& read_only = member(security, "readOnlyRootFilesystem"); read_only.is_boolean()) {
    out.read_only_root = read_only.get<bool>();
  }
  for (const json& group : member(security, "supplementalGroups")) {
    out.supplemental_groups.push_back(group.get<std::uint32_t>());
  }
  return out;
}

model::Container decode_container(const json& container) {
  model::Container out;
  out.name = member_text(container, "name");
  out.image = member_text(container, "image");
  out.image_pull_policy = member_text(container, "imagePullPolicy");
  out.command = member_texts(container, "command");
  out.args = member_texts(container, "args");
  out.working_dir = member_text(container, "workingDir");
  for (const json& variable : member(container, "env")) {
    out.env.push_back(decode_variable(variable));
  }
  out.env_from = decode_env_from(container);
  out.volume_mounts = decode_volume_mounts(container);
  out.resources = decode_resources(container);
  out.security = decode_security(container);
  for (const json& port : member(container, "ports")) {
    out.ports.push_back(decode_port(port));
  }
  out.startup_probe = decode_probe(container, "startupProbe");
  out.readiness_probe = decode_probe(container, "readinessProbe");
  out.liveness_probe = decode_probe(container, "livenessProbe");
  const json& lifecycle = member(container, "lifecycle");
  if (lifecycle.is_object() && member(lifecycle, "postStart").is_object()) {
    out.post_start = decode_action(lifecycle.at("postStart"));
  }
  if (lifecycle.is_object() && member(lifecycle, "preStop").is_object()) {
    out.pre_stop = decode_action(lifecycle.at("preStop"));
  }
  if (lifecycle.is_object()) {
    out.stop_signal = member_text(lifecycle, "stopSignal");
  }
  return out;
}

std::vector<model::Container> decode_containers(const json& spec, const char* field) {
  std::vector<model::Container> out;
  for (const json& container : member(spec, field)) {
    out.push_back(decode_container(container));
  }
  return out;
}

model::RestartPolicy decode_restart_policy(const std::string& text) {
  return text == "Never"       ? model::RestartPolicy::Never
         : text == "OnFailure" ? model::RestartPolicy::OnFailure
                               : model::RestartPolicy::Always;
}

model::DnsPolicy decode_dns_policy(const std::string& text) {
  return text == "ClusterFirstWithHostNet" ? model::DnsPolicy::ClusterFirstWithHostNet
         : text == "Default"               ? model::DnsPolicy::Default
         : text == "None"                  ? model::DnsPolicy::None
                                           : model::DnsPolicy::ClusterFirst;
}

model::DnsConfig decode_dns_config(const json& config) {
  model::DnsConfig out;
  if (!config.is_object()) {
    return out;
  }
  for (const json& address : member(config, "nameservers")) {
    out.nameservers.push_back(address_in(address.get_ref<const std::string&>()));
  }
  out.searches = member_texts(config, "searches");
  for (const json& option : member(config, "options")) {
    const std::string value = member_text(option, "value");
    out.options.push_back(member_text(option, "name") + (value.empty() ? "" : ":" + value));
  }
  return out;
}

void decode_pod_spec(const json& spec, model::Pod& pod) {
  pod.node_name = member_text(spec, "nodeName");
  pod.node_selector = decode_labels(member(spec, "nodeSelector"));
  pod.hostname = member_text(spec, "hostname");
  pod.hostname_override = member_text(spec, "hostnameOverride");
  pod.subdomain = member_text(spec, "subdomain");
  pod.set_hostname_as_fqdn = spec.value("setHostnameAsFQDN", false);
  pod.share_process_namespace = spec.value("shareProcessNamespace", false);
  pod.host_network = spec.value("hostNetwork", false);
  pod.dns_policy = decode_dns_policy(member_text(spec, "dnsPolicy"));
  pod.dns_config = decode_dns_config(member(spec, "dnsConfig"));
  pod.restart_policy = decode_restart_policy(member_text(spec, "restartPolicy"));
  pod.termination_grace = std::chrono::seconds(spec.value("terminationGracePeriodSeconds", 30));
  if (const json& deadline = member(spec, "activeDeadlineSeconds"); deadline.is_number_integer()) {
    // One after the end of all labs is none; timers count milliseconds.
    pod.active_deadline =
        std::chrono::seconds(std::clamp<std::int64_t>(deadline.get<std::int64_t>(), 0, INT32_MAX));
  }
  for (const json& alias : member(spec, "hostAliases")) {
    pod.host_aliases.push_back(
        {address_in(alias.at("ip").get_ref<const std::string&>()), member_texts(alias, "hostnames")});
  }
  pod.init_containers = decode_containers(spec, "initContainers");
  for (std::size_t i = 0; i < pod.init_containers.size(); ++i) {
    pod.init_containers[i].is_sidecar =
        member_text(spec.at("initContainers")[i], "restartPolicy") == "Always";
  }
  pod.containers = decode_containers(spec, "containers");
  pod.security = decode_security(spec);
}

// nlohmann's own exceptions end here.
template <typename Decode>
auto decoded(const char* what, Decode decode) {
  try {
    return decode();
  } catch (const json::exception& error) {
    throw Error(ErrorKind::InvalidInput, std::string("decode ") + what + ": " + error.what());
  }
}

}  // namespace

model::Labels decode_labels(const json& labels) {
  return decoded("labels", [&] { return labels.is_null() ? model::Labels() : labels.get<model::Labels>(); });
}

model::Pod decode_pod(const json& object) {
  return decoded("pod", [&] {
    model::Pod pod;
    const json& metadata = object.at("metadata");
    pod.key = {metadata.value("namespace", "default"), metadata.at("name").get<std::string>()};
    pod.uid = member_text(metadata, "uid");
    pod.labels = decode_labels(member(metadata, "labels"));
    pod.annotations = decode_labels(member(metadata, "annotations"));
    decode_pod_spec(object.at("spec"), pod);
    pod.volumes = decode_volumes(object.at("spec"), pod.key.name);
    if (const std::string account = member_text(object.at("spec"), "serviceAccountName"); !account.empty()) {
      pod.service_account = account;
    }
    const json* controller = controller_of(object);
    for (model::Container& container : pod.containers) {
      container.is_of_job = controller != nullptr && text_at(*controller, "kind") == "Job";
    }
    const json& status = member(object, "status");
    if (status.is_object()) {
      for (const json& entry : member(status, "podIPs")) {
        pod.ips.push_back(address_in(entry.at("ip").get_ref<const std::string&>()));
      }
    }
    return pod;
  });
}

}  // namespace labctl::objects
