#include "tests/unit/topology/ruleset/random_services.hpp"

#include "tests/support/addresses.hpp"

#include <algorithm>

namespace labctl::ruleset {

using service::NodeProgram;
using service::Vip;

NodeProgram RandomServices::service_program(std::uint64_t service_number) {
  model::Service service;
  service.key = {"default", "s" + std::to_string(service_number)};
  service.cluster_ips = {ip("10.96.0.0").plus(service_number)};
  if (coin(0.3)) {
    service.cluster_ips.push_back(ip("fd00:96::").plus(service_number));
  }
  service.ports = {{"http", model::Protocol::Tcp, 80, 0}};
  if (coin(0.3)) {
    service.ports.push_back({"udp", model::Protocol::Udp, 53, 0});
  }
  service.ports[0].node_port = static_cast<std::uint16_t>(coin() ? 0 : 30000 + service_number);
  service.internal_policy = coin(0.8) ? model::TrafficPolicy::Cluster : model::TrafficPolicy::Local;
  service.external_policy = coin(0.6) ? model::TrafficPolicy::Cluster : model::TrafficPolicy::Local;
  for (auto* shared : {&service.external_ips, &service.load_balancer_ips}) {
    if (coin(0.4)) {
      shared->push_back(ip("203.0.113.0").plus(number(1, 3)));
    }
  }
  for (const char* range : {"192.0.2.0/24", "192.0.2.0/25", "10.0.0.0/8", "10.244.0.0/16"}) {
    if (coin(0.2)) {
      service.source_ranges.push_back(prefix(range));
    }
  }
  service.affinity_timeout = std::chrono::seconds(coin(0.6) ? 0 : number(1, 2) * 100);

  model::EndpointSlice slice;
  for (const model::ServicePort& port : service.ports) {
    slice.ports.push_back({port.name, port.protocol, 8080});
  }
  for (std::uint64_t i = number(0, 5); i > 0; --i) {
    const bool is_here = coin();
    for (const char* range : {is_here ? "10.244.1.0" : "10.244.2.0", "fd00:10:244:1::"}) {
      slice.endpoints.push_back(
          {ip(range).plus(number(2, 9)), is_here ? "n1" : "n2", coin(0.9), true, false, {}, {}});
    }
  }
  const model::EndpointSlice* slices[] = {&slice};
  return service::node_program(service, slices, {{"n1", ""}, {ip("192.0.2.11"), ip("2001:db8::11")}});
}

NodeProgram RandomServices::host_port_program(std::uint64_t pod_number) {
  model::Pod pod;
  pod.key = {"default", "p" + std::to_string(pod_number)};
  pod.ips = {ip("10.244.1.0").plus(number(2, 9))};
  pod.containers.resize(1);
  pod.containers[0].ports = {
      {"", 8080, static_cast<std::uint16_t>(30000 + number(1, 4)), model::Protocol::Tcp, {}}};
  return service::host_port_program(pod, {ip("192.0.2.11")});
}

RandomServices::Change RandomServices::next() {
  const std::uint64_t which = number(1, 6);
  const bool is_host_port = coin(0.2);
  Change change;
  change.owner = (is_host_port ? "hostPort default/p" : "svc default/s") + std::to_string(which);
  if (coin(0.85)) {
    change.program = is_host_port ? host_port_program(which) : service_program(which);
  }
  note(change, is_host_port);
  return change;
}

void RandomServices::note(const Change& change, bool is_host_port) {
  std::vector<Vip> vips;
  for (const service::PortProgram& port : change.program.ports) {
    for (const service::Entry& entry : port.entries) {
      vips.push_back(entry.vip);
    }
  }
  for (auto at = owners_.begin(); at != owners_.end();) {
    if (std::count(vips.begin(), vips.end(), at->first) == 0) {
      std::erase(at->second, change.owner);
    }
    at = at->second.empty() ? owners_.erase(at) : std::next(at);
  }
  for (const Vip& vip : vips) {
    std::vector<std::string>& owners = owners_[vip];
    if (std::count(owners.begin(), owners.end(), change.owner) == 0) {
      owners.insert(is_host_port ? owners.begin() : owners.end(), change.owner);
    }
  }
  programs_[change.owner] = change.program;
}

const service::Entry* RandomServices::wanted(const Vip& vip) const {
  const auto owners = owners_.find(vip);
  if (owners == owners_.end()) {
    return nullptr;
  }
  for (const service::PortProgram& port : programs_.at(owners->second.front()).ports) {
    for (const service::Entry& entry : port.entries) {
      if (entry.vip == vip) {
        return &entry;
      }
    }
  }
  return nullptr;
}

std::map<Vip, const service::Entry*> RandomServices::wanted() const {
  std::map<Vip, const service::Entry*> all;
  for (const auto& [vip, owners] : owners_) {
    all[vip] = wanted(vip);
  }
  return all;
}

}  // namespace labctl::ruleset
