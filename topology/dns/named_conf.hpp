#pragma once

// BIND's files: named.conf(5), and the zones that only configuration makes. Strings are written by
// construction: names through domain_name(), the rest as addresses and numbers.

#include "topology/base/ip_address.hpp"
#include "topology/dns/record.hpp"
#include "topology/model/cluster.hpp"

#include <string>
#include <vector>

namespace labctl::dns {

struct ServerConfig {
  std::string directory;              // absolute; where named.conf and the zone files are
  std::vector<std::string> zones;     // each in the file zone_file_name(), open to updates from loopback
  std::vector<IpAddress> forwarders;  // for all other names; none: SERVFAIL, nobody is asked
  std::vector<model::StubDomain> stub_domains;
  bool has_hosts = false;  // hosts_zone() stands in the file kHostsFile
  bool logs_queries = false;
};

inline constexpr const char* kHostsFile = "hosts.policy";

// "cluster.local.zone"; of the root zone "root.zone". Throws Error for what is no name.
std::string zone_file_name(const std::string& zone);

// Of a DNS pod.
std::string cluster_named_conf(const ServerConfig& config);
// A response policy zone: these names have these addresses and no other data.
std::string hosts_zone(const std::vector<model::HostOverride>& hosts);

// Of the outside world's server: it answers for the root zone, so that no other server is ever asked.
std::string outside_named_conf(const std::string& directory, const std::vector<IpAddress>& listen_on);
// HOST.example.org for each outside host whose name the Cluster's own records do not speak of, and these
// records as the user wrote them (check_dns_record has seen them).
std::string outside_zone(const model::Outside& outside, const std::vector<IpAddress>& server);

}  // namespace labctl::dns
