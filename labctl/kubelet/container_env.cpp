#include "labctl/kubelet/container_env.hpp"

#include "topology/base/error.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_map>

namespace labctl::kubelet {
namespace {

constexpr std::string_view kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string joined(const std::vector<IpAddress>& addresses) {
  std::string text;
  for (const IpAddress& address : addresses) {
    text += (text.empty() ? "" : ",") + to_string(address);
  }
  return text;
}

std::string first(const std::vector<IpAddress>& addresses) {
  return addresses.empty() ? std::string() : to_string(addresses.front());
}

// The key of "metadata.labels['app']"; nothing if the path is not of that form.
std::optional<std::string> subscript(const std::string& path, std::string_view map) {
  const std::string open = std::string(map) + "['";
  if (!path.starts_with(open) || !path.ends_with("']") || path.size() < open.size() + 2) {
    return std::nullopt;
  }
  return path.substr(open.size(), path.size() - open.size() - 2);
}

std::string value_or_empty(const model::Labels& labels, const std::string& key) {
  const auto found = labels.find(key);
  return found == labels.end() ? std::string() : found->second;
}

void set(Environment& env, const std::string& name, std::string value) {
  const auto same =
      std::find_if(env.begin(), env.end(), [&](const auto& entry) { return entry.first == name; });
  if (same == env.end()) {
    env.emplace_back(name, std::move(value));
  } else {
    same->second = std::move(value);
  }
}

const std::string* find_in(const Environment& env, std::string_view name) {
  const auto found =
      std::find_if(env.begin(), env.end(), [&](const auto& entry) { return entry.first == name; });
  return found == env.end() ? nullptr : &found->second;
}

// Of two Services the later one counts: "a" with a port 80 and "a-port-80-tcp" share a name.
const std::string* find_in(const ServiceLinks& services, std::string_view name) {
  const std::string* value = nullptr;
  for (std::size_t i = services == nullptr ? 0 : services->size(); i > 0 && value == nullptr; --i) {
    value = find_in(*services->at(i - 1), name);
  }
  return value;
}

// One whose names are each there once, however many there are.
class Collected {
 public:
  void add(const Environment& env) {
    for (const auto& [name, value] : env) {
      const auto [at, is_new] = index_.emplace(name, env_.size());
      if (is_new) {
        env_.emplace_back(name, value);
      } else {
        env_[at->second].second = value;
      }
    }
  }
  bool contains(const std::string& name) const { return index_.contains(name); }
  Environment take() { return std::move(env_); }

 private:
  Environment env_;
  std::unordered_map<std::string_view, std::size_t> index_;  // of what add() was given
};

}  // namespace

std::string resolve_field(const model::Pod& pod, const DownwardFacts& facts, const std::string& field_path) {
  if (const auto key = subscript(field_path, "metadata.labels")) {
    return value_or_empty(pod.labels, *key);
  }
  if (const auto key = subscript(field_path, "metadata.annotations")) {
    return value_or_empty(pod.annotations, *key);
  }
  if (field_path == "metadata.name") return pod.key.name;
  if (field_path == "metadata.namespace") return pod.key.ns;
  if (field_path == "metadata.uid") return pod.uid;
  if (field_path == "spec.nodeName") return pod.node_name;
  if (field_path == "spec.serviceAccountName") return pod.service_account;
  if (field_path == "status.podIP") return first(pod.ips);
  if (field_path == "status.podIPs") return joined(pod.ips);
  if (field_path == "status.hostIP") return first(facts.host_ips);
  if (field_path == "status.hostIPs") return joined(facts.host_ips);
  throw Error(ErrorKind::InvalidInput, "fieldRef " + field_path + ": no such field of a pod",
              "use metadata.name, .namespace, .uid, .labels['KEY'], .annotations['KEY'], spec.nodeName, "
              "status.podIP(s) or status.hostIP(s)");
}

std::string expand(std::string_view text,
                   const std::function<std::optional<std::string>(const std::string&)>& find) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '$' || at + 1 == text.size()) {
      result += text[at++];
      continue;
    }
    const std::size_t end = text[at + 1] == '(' ? text.find(')', at) : std::string_view::npos;
    if (text[at + 1] == '$') {
      result += '$';
      at += 2;
    } else if (end != std::string_view::npos) {
      const std::string name(text.substr(at + 2, end - at - 2));
      result += find(name).value_or("$(" + name + ")");
      at = end + 1;
    } else {
      result += text.substr(at, 2);
      at += 2;
    }
  }
  return result;
}

std::optional<std::string> ContainerEnv::find(std::string_view name) const {
  const std::string* value = find_in(own, name);
  if (value == nullptr) {
    value = find_in(services, name);
  }
  if (value == nullptr) {
    value = find_in(base, name);
  }
  return value == nullptr ? std::nullopt : std::optional(*value);
}

Environment ContainerEnv::whole() const {
  Collected rest;
  for (std::size_t i = 0; services != nullptr && i < services->size(); ++i) {
    rest.add(*services->at(i));
  }
  rest.add(own);
  Environment env;
  std::copy_if(base.begin(), base.end(), std::back_inserter(env),
               [&](const auto& entry) { return !rest.contains(entry.first); });
  Environment others = rest.take();
  env.insert(env.end(), std::make_move_iterator(others.begin()), std::make_move_iterator(others.end()));
  return env;
}

ContainerEnv container_env(const model::Pod& pod, const model::Container& container,
                           const DownwardFacts& facts) {
  ContainerEnv env;
  env.services = facts.services;
  // What the container runtime sets, the base, cannot be referred to here, as on a real node.
  const auto find = [&](const std::string& name) { return env.find(name); };
  for (const model::EnvFrom& from : container.env_from) {
    for (auto& [name, value] : variables_from(facts.find, pod.key.ns, from, env.skipped)) {
      set(env.own, name, std::move(value));
    }
  }
  for (const model::EnvVar& variable : container.env) {
    if (variable.config_key) {
      if (auto value = key_value(facts.find, pod.key.ns, *variable.config_key)) {
        set(env.own, variable.name, std::move(*value));
      }
    } else if (variable.resource) {
      set(env.own, variable.name, resource_value(pod, container, *variable.resource, facts.allocatable));
    } else {
      set(env.own, variable.name,
          variable.field_path.empty() ? expand(variable.value, find)
                                      : resolve_field(pod, facts, variable.field_path));
    }
  }
  env.base = {{"PATH", std::string(kPath)}, {"HOSTNAME", facts.hostname}, {"HOME", "/root"}};
  if (facts.tty) {
    env.base.emplace_back("TERM", "xterm");
  }
  return env;
}

std::vector<std::string> expand_all(const std::vector<std::string>& words, const ContainerEnv& env) {
  std::vector<std::string> result;
  result.reserve(words.size());
  for (const std::string& word : words) {
    result.push_back(expand(word, [&](const std::string& name) { return env.find(name); }));
  }
  return result;
}

}  // namespace labctl::kubelet
