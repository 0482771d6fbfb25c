#pragma once

// Changes to links, addresses, routes and neighbours of one network
// namespace, sent together; see rtnetlink(7).
//
// The kernel works through a batch inside sendmsg(2). Only the last message of a chunk
// asks for an acknowledgement; a message that fails answers all the same, so nothing is
// lost and nothing waits. Later messages of a chunk run even after one failed: the caller
// undoes the whole batch, it never goes on half-way.
//
// Interface indexes are chosen by the caller, so that no look-up is needed between messages.

#include "topology/base/ip_address.hpp"
#include "topology/base/mac_address.hpp"
#include "topology/base/unique_fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

struct nl_msg;
struct nl_sock;

namespace labctl::kernel {

// The near end is made in `namespace_fd` (-1: the socket's namespace), the peer in `peer_namespace_fd`. Made
// in place: moving a link between namespaces later costs 17-19 ms of RCU waits.
struct VethOptions {
  std::string name;
  int ifindex = 0;
  int namespace_fd = -1;
  int master = 0;  // ifindex of a bridge in the near end's namespace; 0: none
  std::string peer_name;
  int peer_ifindex = 0;
  int peer_namespace_fd = -1;
  std::optional<MacAddress> mac;
  std::optional<MacAddress> peer_mac;
  int mtu = 0;  // bytes, both ends; 0: the kernel's 1500
};

struct VxlanOptions {
  std::string name;
  int ifindex = 0;
  MacAddress mac;
  std::uint32_t vni = 1;
  std::uint16_t port = 4789;
  int underlay_ifindex = 0;
  IpAddress local;
  int mtu = 0;
};

// A route to `destination` by `gateway` (absent: on link), out of `oif`. `onlink` takes the gateway to be
// reachable on `oif` whatever the addresses there say.
struct RouteOptions {
  Prefix destination;
  std::optional<IpAddress> gateway;
  int oif = 0;
  bool onlink = false;
};

// One of the ways of a route.
struct NextHop {
  IpAddress gateway;
  int oif = 0;
};

class NetlinkSocket;

class NetlinkBatch {
 public:
  NetlinkBatch() = default;

  // Made up, forwarding at once (no spanning tree).
  void add_bridge(const std::string& name, int ifindex, const std::optional<MacAddress>& mac, int mtu);
  // The near end is made up; the peer is made down (the kernel refuses
  // IFF_UP on a peer that is not tied yet).
  void add_veth(const VethOptions& options);
  void add_vxlan(const VxlanOptions& options);
  void set_link(int ifindex, bool up);
  // Puts a link on a bridge.
  void set_master(int ifindex, int master);
  void delete_link(int ifindex);
  // IPv6 addresses are added without duplicate address detection, since we gave every address
  // out, and with their local route: the kernel adds it from a work queue, and until then
  // nothing that is sent to the address arrives.
  void add_address(int ifindex, const IpAddress& address, int prefix_length);
  void add_route(const RouteOptions& options);
  // The only route to `destination` from now on: packets are spread over the next hops by flow.
  // The kernel puts one in the other's place, so no packet finds no route. Precondition: at least
  // one next hop, all of the destination's family.
  void replace_route(const Prefix& destination, const std::vector<NextHop>& hops);
  // With all its next hops.
  void delete_route(const Prefix& destination);
  // NUD_PERMANENT: exempt from the neighbour table's limit, which the whole host shares.
  void add_neighbour(int ifindex, const IpAddress& address, const MacAddress& mac);
  void delete_neighbour(int ifindex, const IpAddress& address);
  // A forwarding entry of a VXLAN link: frames for `mac` go to the tunnel endpoint `remote`.
  void add_fdb(int ifindex, const MacAddress& mac, const IpAddress& remote);

  bool empty() const { return messages_.empty(); }
  void clear();

 private:
  friend class NetlinkSocket;
  struct Message {
    size_t offset = 0;
    size_t size = 0;
    std::string act;  // what the message does, for the error
  };
  void append(nl_msg* message, std::string act);
  void add_local_route(int ifindex, const IpAddress& address);

  std::vector<char> bytes_;
  std::vector<Message> messages_;
};

class NetlinkSocket {
 public:
  // Opens a NETLINK_ROUTE socket in the calling thread's network namespace. Throws Error.
  static NetlinkSocket open();
  NetlinkSocket(NetlinkSocket&& other) noexcept;
  NetlinkSocket& operator=(NetlinkSocket&& other) noexcept;
  ~NetlinkSocket();

  // A descriptor of the namespace the socket lives in (SIOCGSKNS):
  // cheaper than opening /proc/thread-self/ns/net.
  UniqueFd namespace_fd() const;

  // Sends the batch and reads every reply; clears the batch. Throws Error for the first message that failed,
  // reading "act: cause", with the kernel's own explanation where it gives one.
  void send(NetlinkBatch& batch);

 private:
  explicit NetlinkSocket(nl_sock* socket) : socket_(socket) {}
  void send_chunk(NetlinkBatch& batch, size_t first, size_t last);
  nl_sock* socket_ = nullptr;
};

}  // namespace labctl::kernel
