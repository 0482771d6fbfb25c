#pragma once

// The Cluster of a lab file (labctl.dev/v1alpha1), with every default filled
// in: what the fabric is planned from.

#include "topology/base/diagnostic.hpp"
#include "topology/base/file_owner.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/model/label_selector.hpp"
#include "topology/model/protocol.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace labctl::model {

enum class NetworkMode { Routed, Vxlan };
enum class Dataplane { Maps, KubeProxyNftables };

// What keeps pods away that do not tolerate it (core/v1 Taint).
struct Taint {
  std::string key;
  std::string value;
  std::string effect;  // NoSchedule, PreferNoSchedule, NoExecute
  bool operator==(const Taint&) const = default;
};

// One node. Empty `pod_cidrs` and `addresses` are given out by
// plan::give_out_addresses; at most one of each a family.
struct Node {
  std::string name;
  Labels labels;
  std::vector<Prefix> pod_cidrs;
  std::vector<IpAddress> addresses;
  std::vector<Taint> taints{};
  bool is_unschedulable = false;
  // Amounts of its resources, as quantities: "cpu", "memory", "pods", "example.com/gpu". What is not
  // named is as large as pod_capacity.hpp says.
  std::map<std::string, std::string> capacity{};
  bool operator==(const Node&) const = default;
};

struct Network {
  NetworkMode mode = NetworkMode::Routed;
  int mtu = 1500;  // bytes; of the underlay, a VXLAN pod link gets 50 (IPv4) or 70 (IPv6) less
  // One prefix a family of the cluster, in the order of Cluster::families.
  std::vector<Prefix> node_cidrs;
  std::vector<Prefix> pod_cidrs;
  std::vector<Prefix> service_cidrs;
  std::vector<Prefix> load_balancer_cidrs;
  std::uint16_t node_port_first = 30000;
  std::uint16_t node_port_last = 32767;
  bool operator==(const Network&) const = default;
};

// Names below `suffix` are asked of these servers instead of the outside world's.
struct StubDomain {
  std::string suffix;  // "corp.example"
  std::vector<IpAddress> servers;
  bool operator==(const StubDomain&) const = default;
};

// As a line of hosts(5): these names have this address, whatever other servers say.
struct HostOverride {
  IpAddress address;
  std::vector<std::string> names;
  bool operator==(const HostOverride&) const = default;
};

struct Dns {
  bool enabled = true;  // false: no DNS servers, neither in the cluster nor outside
  std::string domain = "cluster.local";
  int replicas = 1;
  bool logs_queries = false;
  std::vector<StubDomain> stub_domains;
  std::vector<HostOverride> hosts;
  bool operator==(const Dns&) const = default;
};

// What an image says of how it is run: the config of an image's configuration (OCI image-spec).
struct ImageConfig {
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::pair<std::string, std::string>> env;
  std::string working_dir;
  std::string user;                        // "nginx", "101:101"; empty: root
  std::string stop_signal;                 // "SIGQUIT", "3"; empty: SIGTERM
  std::vector<std::string> exposed_ports;  // "80/tcp"
  bool operator==(const ImageConfig&) const = default;
};

// An image of an archive, its files in a folder of this host.
struct ImageFiles {
  std::vector<std::string> names;  // as the archive has them: "docker.io/shop/web:1"
  std::string digest;              // of its configuration: "sha256:..."
  std::string root;                // empty until it is unpacked
  ImageConfig config;
  FileOwners owners{};  // of its files that are not root's
  bool operator==(const ImageFiles&) const = default;
};

// What to run for an image name. `match` is a glob over the whole image reference (* and ?). With `root` the
// command runs from that folder's file tree, with `archive` from the files of an image in it, and as the image says;
// else from the host's.
struct ImageRule {
  std::string match;
  std::vector<std::string> command;
  std::string root;
  std::string archive{};            // as written: relative to the file that `where` names
  SourcePosition where{};           // of `archive`
  std::vector<ImageFiles> files{};  // of the archive, once it has been looked into
  bool operator==(const ImageRule&) const = default;
};

// What becomes of the probes and hooks of a container whose image is not run.
enum class StandInProbes {
  Answered,   // as by an application that is up: at once, and without its programs
  AsWritten,  // with their delays, on the declared ports, and with programs of the host
};

// Which programs of the host's file tree the lab may run: see host_programs.hpp.
enum class HostPrograms {
  None,
  Listed,  // those that the Cluster names
  All,
};

struct OutsidePort {
  std::uint16_t port = 0;
  Protocol protocol = Protocol::Tcp;
  bool operator==(const OutsidePort&) const = default;
};

// A host of the outside world, behind the router. Its ports are served by the built-in server.
struct OutsideHost {
  std::string name;
  std::vector<IpAddress> addresses;
  std::vector<OutsidePort> ports;
  bool operator==(const OutsideHost&) const = default;
};

struct Outside {
  std::vector<OutsideHost> hosts;
  std::vector<std::string> dns_records;  // of the DNS server there, as zone files write them, names absolute
  bool operator==(const Outside&) const = default;
};

// An impairment of a node's uplink or a pod's veth; exactly one of `node` and `pod` ("ns/name") is set.
struct Link {
  std::string node;
  std::string pod;
  std::optional<std::uint64_t> rate_bps;  // bits a second
  std::chrono::microseconds delay{0};
  double loss_percent = 0;
  std::optional<int> mtu;
  bool is_up = true;
  bool operator==(const Link&) const = default;
};

struct Cluster {
  std::string name;
  std::vector<Node> nodes;
  std::vector<Family> families{Family::IPv4};  // first = primary
  Network network;
  Dataplane dataplane = Dataplane::Maps;
  std::string store = "sqlite";
  Dns dns;
  std::vector<ImageRule> images;
  StandInProbes stand_in_probes = StandInProbes::Answered;
  HostPrograms host_programs = HostPrograms::All;
  std::vector<std::string> allowed_host_programs;  // with Listed, beside those of `images`
  bool writable_host = false;                      // hostPath volumes may be written
  Outside outside;
  std::vector<Link> links;
  bool operator==(const Cluster&) const = default;

  bool has_family(Family family) const;
};

// The default ranges of a family.
struct DefaultRanges {
  Prefix node, pod, service, load_balancer, outside;
  int node_pod_prefix_length;  // what a node gets of `pod`: /24 or /64
};
const DefaultRanges& default_ranges(Family family);

// The router's address on the underlay: the last but one host address of the node range (IPv4 .254 of a /24),
// and on the outside network the first (.1).
IpAddress router_node_address(const Prefix& node_cidr);
IpAddress router_outside_address(const Prefix& outside);

// Where the outside world's DNS server answers, one address a family of the cluster: the first from .53 on
// that no outside host has. It lives on the router. None if the cluster's DNS is off.
std::vector<IpAddress> outside_dns_addresses(const Cluster& cluster);

// What a file without a Cluster gets: two nodes, IPv4, the default outside hosts client and www.
Cluster default_cluster(std::string name);

}  // namespace labctl::model
