#pragma once

// A Pod as the runtime needs it: core/v1 Pod, the fields that decide what runs and where. The object itself
// stays JSON in the store; this is decoded from it.

#include "topology/base/ip_address.hpp"
#include "topology/model/label_selector.hpp"
#include "topology/model/protocol.hpp"
#include "topology/model/volume.hpp"

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace labctl::model {

struct ContainerPort {
  std::string name;
  std::uint16_t container_port = 0;
  std::uint16_t host_port = 0;  // 0: none
  Protocol protocol = Protocol::Tcp;
  std::optional<IpAddress> host_ip{};  // where host_port listens; none: on every address of the node
  bool operator==(const ContainerPort&) const = default;
};

// A literal value, or one of the others: a fieldRef such as "status.podIP", a key of a ConfigMap or Secret, an
// amount of a resource; resolved when the container starts.
struct EnvVar {
  std::string name;
  std::string value;
  std::string field_path;
  std::optional<ConfigKey> config_key{};
  std::optional<ResourceField> resource{};
  bool operator==(const EnvVar&) const = default;
};

// What a probe or a lifecycle hook does. Of a port either the number or the name of a container port is set.
struct ContainerAction {
  enum class Kind {
    None,  // of no kind known here
    HttpGet,
    TcpSocket,
    Exec,
    Sleep,
    Grpc,
  };
  Kind kind = Kind::None;
  std::string host;  // HttpGet, TcpSocket; empty: the pod's address
  std::uint16_t port = 0;
  std::string port_name;
  std::string path;  // HttpGet, as this and the next two
  bool is_https = false;
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::string> command;  // Exec
  std::chrono::seconds duration{0};  // Sleep
  std::string service;               // Grpc: whose health; empty: the server's
  bool operator==(const ContainerAction&) const = default;
};

// Defaults as Kubernetes has them.
struct ContainerProbe {
  ContainerAction action;
  std::chrono::seconds initial_delay{0};
  std::chrono::seconds period{10};
  std::chrono::seconds timeout{1};
  int success_threshold = 1;
  int failure_threshold = 3;
  std::optional<std::chrono::seconds> termination_grace;  // instead of the pod's when this probe ends it
  bool operator==(const ContainerProbe&) const = default;
};

// Of a container, or of a pod for all of its containers, whose own fields come first (core/v1 SecurityContext). Ids are
// 0 to 2^31-1.
struct SecurityContext {
  std::optional<std::uint32_t> run_as_user{};
  std::optional<std::uint32_t> run_as_group{};
  std::optional<bool> run_as_non_root{};
  std::vector<std::uint32_t> supplemental_groups{};  // of a pod
  std::optional<std::uint32_t> fs_group{};           // of a pod: whose its volumes are
  bool read_only_root = false;                       // readOnlyRootFilesystem, of a container
  bool operator==(const SecurityContext&) const = default;
};

struct Container {
  std::string name;
  std::string image;
  std::vector<std::string> command;
  std::vector<std::string> args;
  std::string working_dir;
  std::vector<EnvVar> env;
  std::vector<ContainerPort> ports;
  std::optional<ContainerProbe> startup_probe{};
  std::optional<ContainerProbe> readiness_probe{};
  std::optional<ContainerProbe> liveness_probe{};
  std::optional<ContainerAction> post_start{};
  std::optional<ContainerAction> pre_stop{};
  bool is_sidecar = false;  // an init container with restartPolicy Always: it stays beside the others
  std::vector<EnvFrom> env_from{};
  std::vector<VolumeMount> volume_mounts{};
  ContainerResources resources{};
  bool is_of_job = false;  // of a Job's pod: it is there to end
  std::string image_pull_policy{};
  std::string stop_signal{};  // lifecycle.stopSignal: "SIGUSR1"; empty: the image's, or SIGTERM
  SecurityContext security{};
  bool operator==(const Container&) const = default;
};

struct HostAlias {
  IpAddress ip;
  std::vector<std::string> hostnames;
  bool operator==(const HostAlias&) const = default;
};

enum class RestartPolicy { Always, OnFailure, Never };

enum class DnsPolicy { ClusterFirst, ClusterFirstWithHostNet, Default, None };

// spec.dnsConfig; merged onto what the policy gives.
struct DnsConfig {
  std::vector<IpAddress> nameservers;
  std::vector<std::string> searches;
  std::vector<std::string> options;  // as resolv.conf(5) writes them: "ndots:2", "edns0"
  bool operator==(const DnsConfig&) const = default;
};

// Names an object: "default/web-0".
struct PodKey {
  std::string ns;
  std::string name;
  auto operator<=>(const PodKey&) const = default;
};
std::string to_string(const PodKey& key);

struct Pod {
  PodKey key;
  std::string uid;
  Labels labels;
  Labels annotations;
  std::string node_name;  // empty: not placed yet
  Labels node_selector;
  std::string hostname;  // spec.hostname; empty: from the name
  std::string hostname_override;
  std::string subdomain;
  bool set_hostname_as_fqdn = false;
  bool share_process_namespace = false;
  bool host_network = false;
  RestartPolicy restart_policy = RestartPolicy::Always;
  std::chrono::seconds termination_grace{30};
  std::optional<std::chrono::seconds> active_deadline{};  // of the whole pod, from its start
  DnsPolicy dns_policy = DnsPolicy::ClusterFirst;
  DnsConfig dns_config;
  std::vector<HostAlias> host_aliases;
  std::vector<Container> init_containers;
  std::vector<Container> containers;
  std::string service_account = "default";
  std::vector<Volume> volumes;
  SecurityContext security{};
  std::vector<IpAddress> ips;  // status.podIPs; at most one a family
  bool operator==(const Pod&) const = default;
};

// What sethostname(2) takes; a pod whose name is longer does not start.
inline constexpr std::size_t kKernelHostnameMax = 64;

// spec.hostname, else the pod's name cut to 63 characters without trailing '-' or '.' (network model §2.1).
// It may have dots, as names of pods have.
std::string short_hostname_of(const Pod& pod);

// The kernel hostname of a pod (network model §2.1): spec.hostnameOverride (KEP-4762), else the short one, or with
// setHostnameAsFQDN the FQDN <hostname>.<subdomain>.<ns>.svc.<domain>. For a hostNetwork pod the node's name is
// used instead; the caller knows it.
std::string hostname_of(const Pod& pod, const std::string& cluster_domain);

}  // namespace labctl::model
