#include "labctl/kubelet/stand_in.hpp"

#include "topology/base/ip_address.hpp"

#include <algorithm>
#include <chrono>

namespace labctl::kubelet {
namespace {

using Ports = std::vector<model::ContainerPort>;

bool has_port(const Ports& ports, const model::ContainerPort& wanted) {
  return std::any_of(ports.begin(), ports.end(), [&](const model::ContainerPort& port) {
    return port.container_port == wanted.container_port && port.protocol == wanted.protocol;
  });
}

// Another host's port is no business of the container. Named ports are declared, so they are served anyway.
void add_port_of(const model::ContainerAction& action, Ports& ports) {
  using Kind = model::ContainerAction::Kind;
  const bool asks_network =
      action.kind == Kind::HttpGet || action.kind == Kind::TcpSocket || action.kind == Kind::Grpc;
  const auto host = IpAddress::parse(action.host);
  const bool is_own = action.host.empty() || action.host == "localhost" ||
                      host == IpAddress::loopback(Family::IPv4) || host == IpAddress::loopback(Family::IPv6);
  model::ContainerPort port;
  port.container_port = action.port;
  if (asks_network && is_own && action.port != 0 && !has_port(ports, port)) {
    ports.push_back(port);
  }
}

// Declared ports first.
Ports wanted_ports(const model::Container& container) {
  Ports ports = container.ports;
  for (const auto* probe :
       {&container.startup_probe, &container.readiness_probe, &container.liveness_probe}) {
    if (*probe) {
      add_port_of((*probe)->action, ports);
    }
  }
  for (const auto* hook : {&container.post_start, &container.pre_stop}) {
    if (*hook) {
      add_port_of(**hook, ports);
    }
  }
  return ports;
}

}  // namespace

void expect_no_delay(model::Container& container) {
  for (auto* probe : {&container.startup_probe, &container.readiness_probe, &container.liveness_probe}) {
    if (*probe) {
      (*probe)->initial_delay = std::chrono::seconds(0);
      (*probe)->success_threshold = 1;
    }
  }
}

std::vector<model::ContainerPort> stand_in_ports(const model::Pod& pod, std::size_t index,
                                                 const std::function<bool(std::size_t)>& is_stand_in) {
  const std::size_t init_count = pod.init_containers.size();
  const auto container_at = [&](std::size_t at) -> const model::Container& {
    return at < init_count ? pod.init_containers[at] : pod.containers[at - init_count];
  };
  const model::Container& own = container_at(index);
  Ports ports = wanted_ports(own);
  for (std::size_t other = 0; other < init_count + pod.containers.size(); ++other) {
    const bool has_ended = other < init_count && !pod.init_containers[other].is_sidecar;
    if (other == index || has_ended) {
      continue;
    }
    const bool serves_asked = is_stand_in(other) && other < index;
    const Ports theirs = serves_asked ? wanted_ports(container_at(other)) : container_at(other).ports;
    std::erase_if(ports, [&](const model::ContainerPort& port) {
      return !has_port(own.ports, port) && has_port(theirs, port);
    });
  }
  return ports;
}

}  // namespace labctl::kubelet
