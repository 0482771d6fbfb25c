#pragma once

// The environment and the command line of a container (core/v1 EnvVar, Container.command; spec §2.4).

#include "topology/base/ip_address.hpp"
#include "topology/model/pod.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::controllers {

// In order, each name once.
using Environment = std::vector<std::pair<std::string, std::string>>;

// What a pod may ask about itself beyond its own object.
struct DownwardFacts {
  std::string hostname;
  std::vector<IpAddress> host_ips;  // of its node
  Environment services;             // FOO_SERVICE_HOST ... of its namespace
  bool tty = false;
};

// A fieldRef: metadata.name, .namespace, .uid, .labels['k'], .annotations['k'] (absent key: empty),
// spec.nodeName, spec.serviceAccountName ("default"), status.podIP, status.podIPs, status.hostIP,
// status.hostIPs (comma separated). Throws Error: InvalidInput for any other path.
std::string resolve_field(const model::Pod& pod, const DownwardFacts& facts, const std::string& field_path);

// Replaces $(NAME); $$ is a plain $; a name that `find` does not know, and a reference without an end, stay
// as they are.
std::string expand(std::string_view text,
                   const std::function<std::optional<std::string>(const std::string&)>& find);

// PATH, HOSTNAME, HOME, (TERM), then the Services', then the container's own, each replacing earlier ones of
// the same name;
// $(NAME) in a value sees what stands before it. Throws Error: InvalidInput as resolve_field.
Environment container_env(const model::Pod& pod, const model::Container& container,
                          const DownwardFacts& facts);

// $(NAME) of the environment in each word.
std::vector<std::string> expand_all(const std::vector<std::string>& words, const Environment& env);

}  // namespace labctl::controllers
