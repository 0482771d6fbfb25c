#pragma once

// Services and EndpointSlices as the data path needs them: core/v1 Service and
// discovery.k8s.io/v1 EndpointSlice, the fields that decide what a node does with a packet. The
// objects themselves stay JSON in the store.

#include "topology/base/ip_address.hpp"
#include "topology/model/protocol.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace labctl::model {

// Names a Service: "default/web".
struct ServiceKey {
  std::string ns;
  std::string name;
  auto operator<=>(const ServiceKey&) const = default;
};
std::string to_string(const ServiceKey& key);

enum class TrafficPolicy { Cluster, Local };

struct ServicePort {
  std::string name;
  Protocol protocol = Protocol::Tcp;
  std::uint16_t port = 0;
  std::uint16_t node_port = 0;  // 0: none
  bool operator==(const ServicePort&) const = default;
};

struct Service {
  ServiceKey key;
  // Carries service.kubernetes.io/headless or service-proxy-name: its addresses
  // are taken, but nothing is programmed.
  bool is_ignored = false;
  std::vector<IpAddress> cluster_ips;  // none: headless or ExternalName
  std::vector<ServicePort> ports;
  TrafficPolicy internal_policy = TrafficPolicy::Cluster;
  TrafficPolicy external_policy = TrafficPolicy::Cluster;
  std::vector<IpAddress> external_ips;
  std::vector<IpAddress> load_balancer_ips;  // status.loadBalancer.ingress of the mode VIP
  std::vector<IpAddress> proxied_ips;        // and of the mode Proxy: the balancer ends these connections
  std::vector<Prefix> source_ranges;         // for the load balancer's addresses; empty: everyone
  std::chrono::seconds affinity_timeout{0};  // 0: no session affinity
  std::uint16_t health_check_node_port = 0;  // 0: none
  bool is_headless = false;                  // clusterIP: None
  std::string external_name;                 // of the type ExternalName; else empty
  bool operator==(const Service&) const = default;
};

struct EndpointPort {
  std::string name;
  Protocol protocol = Protocol::Tcp;
  std::uint16_t port = 0;
  bool operator==(const EndpointPort&) const = default;
};

struct Endpoint {
  IpAddress address;
  std::string node;  // empty: not known, or no node of the lab
  bool is_ready = true;
  bool is_serving = true;
  bool is_terminating = false;
  std::vector<std::string> zone_hints;
  std::vector<std::string> node_hints;
  std::string hostname{};  // its label below the Service's name; empty: DNS makes one of the address
  bool operator==(const Endpoint&) const = default;
};

// Of one family; its service is in the namespace of the slice.
struct EndpointSlice {
  ServiceKey service;
  std::vector<EndpointPort> ports;
  std::vector<Endpoint> endpoints;
  bool operator==(const EndpointSlice&) const = default;
};

}  // namespace labctl::model
