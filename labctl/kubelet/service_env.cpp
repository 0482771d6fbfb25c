#include "labctl/kubelet/service_env.hpp"

#include "labctl/objects/fields.hpp"
#include "labctl/store/store.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace labctl::kubelet {
namespace {

using nlohmann::json;
using objects::name_of;
using objects::text_at;
using store::ObjectPtr;

// ASCII letters only: names are DNS labels.
std::string as_variable(std::string_view name) {
  std::string text(name);
  for (char& c : text) {
    if (c == '-') {
      c = '_';
    } else if (c >= 'a' && c <= 'z') {
      c = static_cast<char>(c - 'a' + 'A');
    }
  }
  return text;
}

std::string lower(std::string text) {
  for (char& c : text) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return text;
}

bool is_reached_by_ip(const json& service) {
  const std::string& address = text_at(service, "spec.clusterIP");
  return !address.empty() && address != "None" && text_at(service, "spec.type") != "ExternalName";
}

struct EnvPort {
  std::string name;
  std::string number;
  std::string protocol;  // upper case
};

std::vector<EnvPort> env_ports(const json& service) {
  std::vector<EnvPort> ports;
  for (const json& port : objects::list_at(service, "spec.ports")) {
    const std::string& protocol = text_at(port, "protocol");
    ports.push_back({text_at(port, "name"), std::to_string(objects::number_at(port, "port", 0)),
                     protocol.empty() ? "TCP" : protocol});
  }
  return ports;
}

// In Kubernetes' order: host, port, named ports, and then what Docker's links had.
void add_variables(const json& service, Environment& env) {
  const std::string prefix = as_variable(name_of(service));
  const std::string& ip = text_at(service, "spec.clusterIP");
  const std::string host = ip.find(':') == std::string::npos ? ip : "[" + ip + "]";
  const std::vector<EnvPort> ports = env_ports(service);
  if (ports.empty()) {
    return;
  }
  env.emplace_back(prefix + "_SERVICE_HOST", ip);
  env.emplace_back(prefix + "_SERVICE_PORT", ports.front().number);
  for (const EnvPort& port : ports) {
    if (!port.name.empty()) {
      env.emplace_back(prefix + "_SERVICE_PORT_" + as_variable(port.name), port.number);
    }
  }
  for (const EnvPort& port : ports) {
    const std::string protocol = lower(port.protocol);
    const std::string url = protocol + "://" + host + ":" + port.number;
    if (&port == &ports.front()) {
      env.emplace_back(prefix + "_PORT", url);
    }
    const std::string of_port = prefix + "_PORT_" + port.number + "_" + port.protocol;
    env.emplace_back(of_port, url);
    env.emplace_back(of_port + "_PROTO", protocol);
    env.emplace_back(of_port + "_PORT", port.number);
    env.emplace_back(of_port + "_ADDR", ip);
  }
}

const store::Key kMaster{"services", model::kDefaultNamespace, model::kKubernetesService};

}  // namespace

ServiceEnvironments::ServiceEnvironments(store::Store& store) : store_(store) {
  subscription_ = store_.on_change([this](const store::Change& change) {
    if (change.key.resource == kMaster.resource) {
      variables_.erase(change.key);
      links_.erase({change.key.ns, true});
      if (change.key == kMaster) {
        links_.clear();
      }
    } else if (change.key.resource == "namespaces" && change.type == store::ChangeType::Deleted) {
      links_.erase({change.key.name, true});
      links_.erase({change.key.name, false});
    }
  });
}

std::shared_ptr<const Environment> ServiceEnvironments::variables(const json& service) {
  std::shared_ptr<const Environment>& made = variables_[store::key_of(kMaster.resource, service)];
  if (made == nullptr) {
    Environment env;
    add_variables(service, env);
    made = std::make_shared<const Environment>(std::move(env));
  }
  return made;
}

ServiceLinks ServiceEnvironments::of(const std::string& ns, bool enable_service_links) {
  ServiceLinks& links = links_[{ns, enable_service_links}];
  if (links == nullptr) {
    links = make(ns, enable_service_links);
  }
  return links;
}

ServiceLinks ServiceEnvironments::make(const std::string& ns, bool enable_service_links) {
  std::vector<ObjectPtr> services;
  if (enable_service_links) {
    services = store_.list(kMaster.resource, ns);
    std::erase_if(services, [](const ObjectPtr& service) { return !is_reached_by_ip(*service); });
  }
  const bool has_own = std::any_of(services.begin(), services.end(), [](const ObjectPtr& service) {
    return name_of(*service) == kMaster.name;
  });
  std::vector<std::shared_ptr<const Environment>> links;
  const ObjectPtr master = has_own ? nullptr : store_.find(kMaster);
  if (master != nullptr && is_reached_by_ip(*master)) {
    links.push_back(variables(*master));
  }
  for (const ObjectPtr& service : services) {
    links.push_back(variables(*service));
  }
  return std::make_shared<const std::vector<std::shared_ptr<const Environment>>>(std::move(links));
}

}  // namespace labctl::kubelet
