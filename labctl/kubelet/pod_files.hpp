#pragma once

// The files that a pod finds in /etc whatever its image holds: hosts and resolv.conf (network model §2.2 and
// §2.3; core/v1 PodSpec hostAliases, dnsPolicy, dnsConfig; hosts(5), resolv.conf(5)).

#include "topology/base/ip_address.hpp"
#include "topology/model/pod.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace labctl::kubelet {

// /etc/hosts of a pod with its own network. `hostname` as model::hostname_of gives it; the pod's own
// addresses come from Pod::ips.
std::string hosts_file(const model::Pod& pod, const std::string& hostname, const std::string& cluster_domain);

// Of a hostNetwork pod: the node's file, marked, and the aliases.
std::string hosts_file_of_node(const std::string& node_hosts, const model::Pod& pod);

struct ResolvConf {
  std::vector<std::string> nameservers;
  std::vector<std::string> searches;
  std::vector<std::string> options;
  bool operator==(const ResolvConf&) const = default;
};

std::string to_text(const ResolvConf& conf);

struct PodDns {
  std::string cluster_domain;          // "cluster.local"
  std::vector<IpAddress> cluster_dns;  // the DNS Service; empty while no cluster DNS runs
  ResolvConf node;                     // the node's own
};

struct PodResolvConf {
  ResolvConf conf;
  // What was cut to fit (3 nameservers, 32 searches, 2048 characters of them), one sentence each; Kubernetes
  // says the same in an event DNSConfigForming.
  std::vector<std::string> notices;
};

// With ClusterFirst and no cluster DNS running, the search list and options stand
// without a nameserver: a resolver then asks 127.0.0.1 and is refused at once, instead
// of waiting for a server that the pod cannot reach.
PodResolvConf pod_resolv_conf(const model::Pod& pod, const PodDns& dns);

}  // namespace labctl::kubelet
