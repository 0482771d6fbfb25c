#include "labctl/allocation/service_values.hpp"

#include "labctl/objects/fields.hpp"
#include "labctl/store/change.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace labctl::allocation {
namespace {

using nlohmann::json;
using objects::field;
using objects::number_at;
using objects::text_at;

void add_port(std::vector<ServiceValue>& values, const std::string& pool, std::int64_t port) {
  if (port > 0) {
    values.push_back({ValueKind::NodePort, pool, std::to_string(port)});
  }
}

}  // namespace

std::string service_owner(const store::Key& service) { return "svc/" + service.ns + "/" + service.name; }

std::string_view service_type(const json& service) {
  const std::string& type = text_at(service, "spec.type");
  return type.empty() ? std::string_view("ClusterIP") : std::string_view(type);
}

bool is_headless(const json& service) {
  const std::vector<std::string> ips = cluster_ips_of(service);
  return !ips.empty() && ips.front() == "None";
}

bool needs_cluster_ip(const json& service) { return service_type(service) != "ExternalName"; }

bool may_have_node_ports(const json& service) {
  const std::string_view type = service_type(service);
  return type == "NodePort" || type == "LoadBalancer";
}

bool needs_node_ports(const json& service) {
  if (service_type(service) != "LoadBalancer") {
    return may_have_node_ports(service);
  }
  const json* wanted = field(service, "spec.allocateLoadBalancerNodePorts");
  return wanted == nullptr || *wanted != false;
}

std::string_view protocol_of(const json& port) {
  const std::string& protocol = text_at(port, "protocol");
  return protocol.empty() ? std::string_view("TCP") : std::string_view(protocol);
}

bool needs_health_check_port(const json& service) {
  return service_type(service) == "LoadBalancer" && text_at(service, "spec.externalTrafficPolicy") == "Local";
}

std::vector<std::string> cluster_ips_of(const json& service) {
  std::vector<std::string> ips;
  const json* list = field(service, "spec.clusterIPs");
  if (list != nullptr && list->is_array()) {
    for (const json& ip : *list) {
      if (ip.is_string() && ip != "") {
        ips.push_back(ip.get<std::string>());
      }
    }
  }
  if (ips.empty() && !text_at(service, "spec.clusterIP").empty()) {
    ips.push_back(text_at(service, "spec.clusterIP"));
  }
  return ips;
}

const Prefix* ServiceRanges::cluster_ips(Family family) const {
  return prefix_of(network_.service_cidrs, family);
}

const Prefix* ServiceRanges::balancer_ips(Family family) const {
  return prefix_of(network_.load_balancer_cidrs, family);
}

std::string ServiceRanges::node_port_pool() const {
  return "nodeports/" + std::to_string(node_port_first()) + "-" + std::to_string(node_port_last());
}

std::vector<std::string> ServiceRanges::pools() const {
  std::vector<std::string> pools{node_port_pool()};
  for (const Prefix& range : network_.service_cidrs) {
    pools.push_back(cluster_ip_pool(range));
  }
  for (const Prefix& range : network_.load_balancer_cidrs) {
    pools.push_back(balancer_pool(range));
  }
  return pools;
}

void ServiceRanges::add_node_ports(const json& service, std::vector<ServiceValue>& values) const {
  const std::string pool = node_port_pool();
  if (const json* ports = field(service, "spec.ports"); ports != nullptr && ports->is_array()) {
    for (const json& port : *ports) {
      add_port(values, pool, number_at(port, "nodePort", 0));
    }
  }
  if (needs_health_check_port(service)) {
    add_port(values, pool, number_at(service, "spec.healthCheckNodePort", 0));
  }
}

void ServiceRanges::add_balancer_ips(const json& service, std::vector<ServiceValue>& values) const {
  const json* ingress = field(service, "status.loadBalancer.ingress");
  if (ingress == nullptr || !ingress->is_array()) {
    return;
  }
  for (const json& entry : *ingress) {
    const auto address = IpAddress::parse(text_at(entry, "ip"));
    const Prefix* range = address ? balancer_ips(address->family()) : nullptr;
    if (range != nullptr && range->contains(*address)) {
      values.push_back({ValueKind::BalancerIp, balancer_pool(*range), to_string(*address)});
    }
  }
}

std::vector<ServiceValue> ServiceRanges::values_of(const json& service) const {
  std::vector<ServiceValue> values;
  if (needs_cluster_ip(service)) {
    for (const std::string& text : cluster_ips_of(service)) {
      const auto address = IpAddress::parse(text);
      const Prefix* range = address ? cluster_ips(address->family()) : nullptr;
      if (range != nullptr) {
        values.push_back({ValueKind::ClusterIp, cluster_ip_pool(*range), to_string(*address)});
      }
    }
  }
  if (may_have_node_ports(service)) {
    add_node_ports(service, values);
  }
  if (service_type(service) == "LoadBalancer") {
    add_balancer_ips(service, values);
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

bool ServiceRanges::contains(const ServiceValue& value) const {
  if (value.kind == ValueKind::NodePort) {
    int port = 0;
    std::from_chars(value.value.data(), value.value.data() + value.value.size(), port);
    return port >= node_port_first() && port <= node_port_last();
  }
  const auto address = IpAddress::parse(value.value);
  const Prefix* range = !address                             ? nullptr
                        : value.kind == ValueKind::ClusterIp ? cluster_ips(address->family())
                                                             : balancer_ips(address->family());
  return range != nullptr && range->contains(*address);
}

}  // namespace labctl::allocation
