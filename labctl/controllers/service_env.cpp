#include "labctl/controllers/service_env.hpp"

#include "labctl/controllers/objects.hpp"
#include "labctl/store/store.hpp"

#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using store::ObjectPtr;

constexpr std::string_view kMasterNamespace = "default";
constexpr std::string_view kMasterService = "kubernetes";

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
  for (const json& port : list_at(service, "spec.ports")) {
    const std::string& protocol = text_at(port, "protocol");
    ports.push_back({text_at(port, "name"), std::to_string(number_at(port, "port", 0)),
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

}  // namespace

Environment service_environment(const store::Store& store, const std::string& ns, bool enable_service_links) {
  Environment env;
  ObjectPtr master = store.find({"services", std::string(kMasterNamespace), std::string(kMasterService)});
  if (master != nullptr && !is_reached_by_ip(*master)) {
    master = nullptr;
  }
  if (enable_service_links) {
    const std::vector<ObjectPtr> services = store.list("services", ns);
    for (const ObjectPtr& service : services) {
      if (name_of(*service) == kMasterService && is_reached_by_ip(*service)) {
        master = nullptr;
      }
    }
    if (master != nullptr) {
      add_variables(*master, env);
    }
    for (const ObjectPtr& service : services) {
      if (is_reached_by_ip(*service)) {
        add_variables(*service, env);
      }
    }
  } else if (master != nullptr) {
    add_variables(*master, env);
  }
  return env;
}

}  // namespace labctl::controllers
