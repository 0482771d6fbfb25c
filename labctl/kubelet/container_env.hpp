#pragma once

// The environment and the command line of a container (core/v1 EnvVar,
// Container.command; network model §2.4).

#include "labctl/kubelet/pod_config.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/model/pod.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::kubelet {

// In order, each name once.
using Environment = std::vector<std::pair<std::string, std::string>>;

// FOO_SERVICE_HOST ... of a pod's namespace, a list for each Service, as they were when the pod started; see
// service_env.hpp. Never changed once made, and shared by all pods that started with the same Services:
// copies for each pod would be pods times Services. Null: none.
using ServiceLinks = std::shared_ptr<const std::vector<std::shared_ptr<const Environment>>>;

// What a pod may ask about itself beyond its own object.
struct DownwardFacts {
  std::string hostname;
  std::vector<IpAddress> host_ips;  // of its node
  ServiceLinks services;
  bool tty = false;
  FindObject find{};          // ConfigMaps and Secrets; empty: there are none
  Allocatable allocatable{};  // of its node
};

// What the programs of a container find. Put together by whole(), which is for the moment when a program is
// executed: with many Services it is long.
struct ContainerEnv {
  Environment base;  // PATH, HOSTNAME, HOME, (TERM)
  ServiceLinks services;
  Environment own;                     // the container's, each name once
  std::vector<std::string> skipped{};  // of an envFrom, as events InvalidEnvironmentVariableNames say it

  // What $(NAME) in the command line means; nothing for an unknown name.
  std::optional<std::string> find(std::string_view name) const;
  // The base, then the Services', then the container's own, each replacing earlier ones of the same name.
  Environment whole() const;
};

// A fieldRef: metadata.name, .namespace, .uid, .labels['k'], .annotations['k'] (absent key: empty),
// spec.nodeName, spec.serviceAccountName, status.podIP, status.podIPs, status.hostIP,
// status.hostIPs (comma separated). Throws Error: InvalidInput for any other path.
std::string resolve_field(const model::Pod& pod, const DownwardFacts& facts, const std::string& field_path);

// Replaces $(NAME); $$ is a plain $; a name that `find` does not know, and a
// reference without an end, stay as they are.
std::string expand(std::string_view text,
                   const std::function<std::optional<std::string>(const std::string&)>& find);

// $(NAME) in a value of the container's sees the Services' and what stands before it.
// Throws Error: InvalidInput as resolve_field; NotFound, in the kubelet's words, when a ConfigMap, a Secret or a
// key of one is not there (yet).
ContainerEnv container_env(const model::Pod& pod, const model::Container& container,
                           const DownwardFacts& facts);

// $(NAME) of the environment in each word.
std::vector<std::string> expand_all(const std::vector<std::string>& words, const ContainerEnv& env);

}  // namespace labctl::kubelet
