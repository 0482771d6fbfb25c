#pragma once

// The ordered steps that make a lab's network, as plain data: pure to compute, printable, comparable. A step
// is everything done in one network namespace in one go: make it, set its sysctls, send one rtnetlink batch,
// load one ruleset. `topology/apply` carries steps out and takes them back.

#include "topology/base/ip_address.hpp"
#include "topology/base/mac_address.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace labctl::plan {

// Names a namespace of the lab: kUnderlay, kRouter, or the text of a model::Place.
// kUnderlay is the capsule's own namespace and is never made or dropped.
using NamespaceId = std::string;
inline constexpr const char* kUnderlay = "underlay";
inline constexpr const char* kRouter = "router";

struct Sysctl {
  std::string name;  // below /proc/sys, as in "net/ipv4/ip_forward"
  std::string value;
  bool is_optional = false;  // a kernel without it is fine
  bool operator==(const Sysctl&) const = default;
};

struct AddBridge {
  std::string name;
  int ifindex = 0;
  std::optional<MacAddress> mac;
  int mtu = 0;  // 0: the kernel's default
  bool operator==(const AddBridge&) const = default;
};

// The peer stays in the step's namespace, and is set up by a SetLink of its own; the near end is made in
// `near_namespace`, up and on the bridge `master`.
struct AddVeth {
  NamespaceId near_namespace;
  std::string near_name;
  int near_ifindex = 0;
  int master = 0;
  std::string peer_name;
  int peer_ifindex = 0;
  std::optional<MacAddress> peer_mac;
  int mtu = 0;
  bool operator==(const AddVeth&) const = default;
};

struct AddVxlan {
  std::string name;
  int ifindex = 0;
  MacAddress mac;
  int underlay_ifindex = 0;
  IpAddress local;
  int mtu = 0;
  bool operator==(const AddVxlan&) const = default;
};

struct SetLink {
  int ifindex = 0;
  bool up = true;
  bool operator==(const SetLink&) const = default;
};

struct SetMaster {
  int ifindex = 0;
  int master = 0;
  bool operator==(const SetMaster&) const = default;
};

struct AddAddress {
  int ifindex = 0;
  IpAddress address;
  int prefix_length = 0;
  bool operator==(const AddAddress&) const = default;
};

struct AddRoute {
  Prefix destination;
  std::optional<IpAddress> gateway;  // absent: on link
  int oif = 0;
  bool onlink = false;
  bool operator==(const AddRoute&) const = default;
};

// One of the ways of a route that has several.
struct NextHop {
  IpAddress gateway;
  int oif = 0;
  bool operator==(const NextHop&) const = default;
};

// Makes `hops` (at least one) the only ways to `destination`. `before` are those it had: what undoing puts
// back; empty: there was no route.
struct ReplaceRoute {
  Prefix destination;
  std::vector<NextHop> hops;
  std::vector<NextHop> before;
  bool operator==(const ReplaceRoute&) const = default;
};

// With all its next hops. `before` as above; empty: undoing puts nothing back.
struct DeleteRoute {
  Prefix destination;
  std::vector<NextHop> before;
  bool operator==(const DeleteRoute&) const = default;
};

struct AddNeighbour {
  int ifindex = 0;
  IpAddress address;
  MacAddress mac;
  bool operator==(const AddNeighbour&) const = default;
};

struct DeleteNeighbour {
  int ifindex = 0;
  IpAddress address;
  bool operator==(const DeleteNeighbour&) const = default;
};

struct AddFdb {
  int ifindex = 0;
  MacAddress mac;
  IpAddress remote;
  bool operator==(const AddFdb&) const = default;
};

struct DeleteLink {
  int ifindex = 0;
  bool operator==(const DeleteLink&) const = default;
};

using LinkChange = std::variant<AddBridge, AddVeth, AddVxlan, SetLink, SetMaster, AddAddress, AddRoute,
                                ReplaceRoute, DeleteRoute, AddNeighbour, DeleteNeighbour, AddFdb, DeleteLink>;

struct Step {
  NamespaceId ns;
  bool makes_namespace = false;
  std::vector<Sysctl> sysctls;
  std::vector<LinkChange> changes;
  std::string ruleset;  // nft text; empty: none
  bool operator==(const Step&) const = default;
};

// One line: "add veth pod1 on bridge 2 of node/node-1, peer eth0 here".
std::string describe(const LinkChange& change);
// Several lines, the first naming the namespace; what `labctl up --dry-run` prints.
std::string describe(const Step& step);

}  // namespace labctl::plan
