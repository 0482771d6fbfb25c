#include "topology/kernel/netlink_batch.hpp"

#include "topology/base/error.hpp"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif

namespace labctl::kernel {
namespace {

// Below the default send buffer (212,992 bytes), with room for the kernel's own accounting.
constexpr size_t kChunkBytes = 96 * 1024;
constexpr size_t kReplyBytes = 32 * 1024;
constexpr size_t kPageBytes = 64 * 1024;  // the largest page
constexpr size_t kNextHopBytes = 32;      // with an IPv6 gateway: 28

struct FreeMessage {
  void operator()(nl_msg* message) const noexcept { ::nlmsg_free(message); }
};
using MessagePtr = std::unique_ptr<nl_msg, FreeMessage>;

template <typename Header>
MessagePtr start(int type, int flags, const Header& header) {
  MessagePtr message(::nlmsg_alloc_simple(type, NLM_F_REQUEST | flags));
  if (!message ||
      ::nlmsg_append(message.get(), const_cast<Header*>(&header), sizeof header, NLMSG_ALIGNTO) < 0) {
    throw Error(ErrorKind::Internal, "netlink message: out of memory");
  }
  return message;
}

void put(nl_msg* message, int type, const void* data, size_t size) {
  if (::nla_put(message, type, static_cast<int>(size), data) < 0) {
    throw Error(ErrorKind::Internal, "netlink message: too long");
  }
}

void put_u8(nl_msg* message, int type, std::uint8_t value) { put(message, type, &value, sizeof value); }
void put_u32(nl_msg* message, int type, std::uint32_t value) { put(message, type, &value, sizeof value); }
void put_name(nl_msg* message, int type, const std::string& name) {
  put(message, type, name.c_str(), name.size() + 1);
}
void put_address(nl_msg* message, int type, const IpAddress& address) {
  put(message, type, address.bytes().data(), address.size());
}
void put_mac(nl_msg* message, int type, const MacAddress& mac) {
  put(message, type, mac.bytes.data(), mac.bytes.size());
}

// The attributes both ends of a veth pair share.
void put_veth_end(nl_msg* message, const std::string& name, int namespace_fd,
                  const std::optional<MacAddress>& mac, int mtu) {
  put_name(message, IFLA_IFNAME, name);
  if (namespace_fd >= 0) {
    put_u32(message, IFLA_NET_NS_FD, static_cast<std::uint32_t>(namespace_fd));
  }
  if (mac) {
    put_mac(message, IFLA_ADDRESS, *mac);
  }
  if (mtu > 0) {
    put_u32(message, IFLA_MTU, static_cast<std::uint32_t>(mtu));
  }
  // The default is one queue per possible CPU; one saves 10-15 % of the build and some memory.
  put_u32(message, IFLA_NUM_TX_QUEUES, 1);
  put_u32(message, IFLA_NUM_RX_QUEUES, 1);
}

ndmsg neighbour_header(int family, int ifindex) {
  ndmsg header{};
  header.ndm_family = static_cast<std::uint8_t>(family);
  header.ndm_ifindex = ifindex;
  header.ndm_state = NUD_PERMANENT;
  return header;
}

ifinfomsg link_header(int ifindex, bool up) {
  ifinfomsg header{};
  header.ifi_index = ifindex;
  if (up) {
    header.ifi_flags = header.ifi_change = IFF_UP;
  }
  return header;
}

rtmsg route_header(const Prefix& destination) {
  rtmsg header{};
  header.rtm_family = static_cast<std::uint8_t>(destination.address().af());
  header.rtm_dst_len = static_cast<std::uint8_t>(destination.length());
  header.rtm_table = RT_TABLE_MAIN;
  return header;
}

void put_destination(nl_msg* message, const Prefix& destination) {
  if (destination.length() > 0) {
    put_address(message, RTA_DST, destination.address());
  }
}

void put_next_hops(nl_msg* message, const std::vector<NextHop>& hops) {
  // A message holds a page unless told otherwise: some hundred next hops.
  if (::nlmsg_expand(message, kPageBytes + hops.size() * kNextHopBytes) < 0) {
    throw Error(ErrorKind::Internal, "netlink message: out of memory");
  }
  nlattr* list = ::nla_nest_start(message, RTA_MULTIPATH);
  for (const NextHop& hop : hops) {
    rtnexthop header{};
    header.rtnh_len = static_cast<std::uint16_t>(RTNH_LENGTH(NLA_HDRLEN + hop.gateway.size()));
    header.rtnh_ifindex = hop.oif;
    if (::nlmsg_append(message, &header, sizeof header, NLMSG_ALIGNTO) < 0) {
      throw Error(ErrorKind::Internal, "netlink message: too long");
    }
    put_address(message, RTA_GATEWAY, hop.gateway);
  }
  ::nla_nest_end(message, list);
}

std::string explanation_of(const nlmsghdr* reply) {
  // With NETLINK_CAP_ACK the request's payload is not echoed: the attributes follow the header (RFC 3549 has
  // none of this; see Documentation/userspace-api/netlink/intro.rst).
  if ((reply->nlmsg_flags & NLM_F_ACK_TLVS) == 0) {
    return {};
  }
  auto* mutable_reply = const_cast<nlmsghdr*>(reply);
  nlattr* found = ::nlmsg_find_attr(mutable_reply, sizeof(nlmsgerr), NLMSGERR_ATTR_MSG);
  return found != nullptr ? std::string(::nla_get_string(found)) : std::string();
}

}  // namespace

void NetlinkBatch::append(nl_msg* message, std::string act) {
  const nlmsghdr* header = ::nlmsg_hdr(message);
  const size_t offset = bytes_.size();
  const size_t padded = NLMSG_ALIGN(header->nlmsg_len);
  bytes_.resize(offset + padded, 0);
  std::memcpy(bytes_.data() + offset, header, header->nlmsg_len);
  messages_.push_back({offset, padded, std::move(act)});
}

void NetlinkBatch::clear() {
  bytes_.clear();
  messages_.clear();
}

void NetlinkBatch::add_bridge(const std::string& name, int ifindex, const std::optional<MacAddress>& mac,
                              int mtu) {
  const MessagePtr message = start(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_header(ifindex, true));
  put_name(message.get(), IFLA_IFNAME, name);
  if (mac) {
    put_mac(message.get(), IFLA_ADDRESS, *mac);
  }
  if (mtu > 0) {
    put_u32(message.get(), IFLA_MTU, static_cast<std::uint32_t>(mtu));
  }
  nlattr* info = ::nla_nest_start(message.get(), IFLA_LINKINFO);
  put_name(message.get(), IFLA_INFO_KIND, "bridge");
  // Snooping without a querier floods multicast all the same, and costs timers and queries for each port.
  nlattr* data = ::nla_nest_start(message.get(), IFLA_INFO_DATA);
  put_u8(message.get(), IFLA_BR_MCAST_SNOOPING, 0);
  ::nla_nest_end(message.get(), data);
  ::nla_nest_end(message.get(), info);
  append(message.get(), name + ": add bridge");
}

void NetlinkBatch::add_veth(const VethOptions& options) {
  const MessagePtr message =
      start(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_header(options.ifindex, true));
  put_veth_end(message.get(), options.name, options.namespace_fd, options.mac, options.mtu);
  if (options.master != 0) {
    put_u32(message.get(), IFLA_MASTER, static_cast<std::uint32_t>(options.master));
  }
  nlattr* info = ::nla_nest_start(message.get(), IFLA_LINKINFO);
  put_name(message.get(), IFLA_INFO_KIND, "veth");
  nlattr* data = ::nla_nest_start(message.get(), IFLA_INFO_DATA);
  nlattr* peer = ::nla_nest_start(message.get(), VETH_INFO_PEER);
  ifinfomsg peer_header = link_header(options.peer_ifindex, false);
  if (::nlmsg_append(message.get(), &peer_header, sizeof peer_header, NLMSG_ALIGNTO) < 0) {
    throw Error(ErrorKind::Internal, "netlink message: too long");
  }
  put_veth_end(message.get(), options.peer_name, options.peer_namespace_fd, options.peer_mac, options.mtu);
  ::nla_nest_end(message.get(), peer);
  ::nla_nest_end(message.get(), data);
  ::nla_nest_end(message.get(), info);
  append(message.get(), options.name + ": add veth with peer " + options.peer_name);
}

void NetlinkBatch::add_vxlan(const VxlanOptions& options) {
  const MessagePtr message =
      start(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_header(options.ifindex, true));
  put_name(message.get(), IFLA_IFNAME, options.name);
  put_mac(message.get(), IFLA_ADDRESS, options.mac);
  if (options.mtu > 0) {
    put_u32(message.get(), IFLA_MTU, static_cast<std::uint32_t>(options.mtu));
  }
  nlattr* info = ::nla_nest_start(message.get(), IFLA_LINKINFO);
  put_name(message.get(), IFLA_INFO_KIND, "vxlan");
  nlattr* data = ::nla_nest_start(message.get(), IFLA_INFO_DATA);
  put_u32(message.get(), IFLA_VXLAN_ID, options.vni);
  put_u32(message.get(), IFLA_VXLAN_LINK, static_cast<std::uint32_t>(options.underlay_ifindex));
  put_address(message.get(), options.local.family() == Family::IPv4 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6,
              options.local);
  const std::uint8_t learning = 0;  // every endpoint is known: the forwarding entries are ours
  put(message.get(), IFLA_VXLAN_LEARNING, &learning, sizeof learning);
  const std::uint16_t port = htobe16(options.port);
  put(message.get(), IFLA_VXLAN_PORT, &port, sizeof port);
  ::nla_nest_end(message.get(), data);
  ::nla_nest_end(message.get(), info);
  append(message.get(), options.name + ": add VXLAN link");
}

void NetlinkBatch::set_link(int ifindex, bool up) {
  ifinfomsg header = link_header(ifindex, up);
  header.ifi_change = IFF_UP;
  const MessagePtr message = start(RTM_NEWLINK, 0, header);
  append(message.get(), "link " + std::to_string(ifindex) + ": set " + (up ? "up" : "down"));
}

void NetlinkBatch::set_master(int ifindex, int master) {
  const MessagePtr message = start(RTM_NEWLINK, 0, link_header(ifindex, false));
  put_u32(message.get(), IFLA_MASTER, static_cast<std::uint32_t>(master));
  append(message.get(), "link " + std::to_string(ifindex) + ": put on bridge " + std::to_string(master));
}

void NetlinkBatch::delete_link(int ifindex) {
  const MessagePtr message = start(RTM_DELLINK, 0, link_header(ifindex, false));
  append(message.get(), "link " + std::to_string(ifindex) + ": delete");
}

void NetlinkBatch::add_address(int ifindex, const IpAddress& address, int prefix_length) {
  ifaddrmsg header{};
  header.ifa_family = static_cast<std::uint8_t>(address.af());
  header.ifa_prefixlen = static_cast<std::uint8_t>(prefix_length);
  header.ifa_index = static_cast<std::uint32_t>(ifindex);
  if (address.family() == Family::IPv6) {
    header.ifa_flags = IFA_F_NODAD;
  }
  const MessagePtr message = start(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, header);
  put_address(message.get(), IFA_LOCAL, address);
  put_address(message.get(), IFA_ADDRESS, address);
  append(message.get(), "add address " + to_string(address) + "/" + std::to_string(prefix_length));
  if (address.family() == Family::IPv6) {
    add_local_route(ifindex, address);
  }
}

void NetlinkBatch::add_local_route(int ifindex, const IpAddress& address) {
  rtmsg header{};
  header.rtm_family = AF_INET6;
  header.rtm_dst_len = 128;
  header.rtm_table = RT_TABLE_LOCAL;
  header.rtm_protocol = RTPROT_KERNEL;
  header.rtm_type = RTN_LOCAL;
  const MessagePtr message = start(RTM_NEWROUTE, NLM_F_CREATE, header);
  put_address(message.get(), RTA_DST, address);
  put_u32(message.get(), RTA_OIF, static_cast<std::uint32_t>(ifindex));
  append(message.get(), "add local route " + to_string(address));
}

void NetlinkBatch::add_route(const RouteOptions& options) {
  rtmsg header = route_header(options.destination);
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = options.gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  header.rtm_type = RTN_UNICAST;
  if (options.onlink) {
    header.rtm_flags = RTNH_F_ONLINK;
  }
  const MessagePtr message = start(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, header);
  std::string act = "add route " + to_string(options.destination);
  put_destination(message.get(), options.destination);
  if (options.gateway) {
    put_address(message.get(), RTA_GATEWAY, *options.gateway);
    act += " via " + to_string(*options.gateway);
  }
  put_u32(message.get(), RTA_OIF, static_cast<std::uint32_t>(options.oif));
  append(message.get(), std::move(act));
}

void NetlinkBatch::replace_route(const Prefix& destination, const std::vector<NextHop>& hops) {
  rtmsg header = route_header(destination);
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  const MessagePtr message = start(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, header);
  put_destination(message.get(), destination);
  if (hops.size() == 1) {
    put_address(message.get(), RTA_GATEWAY, hops.front().gateway);
    put_u32(message.get(), RTA_OIF, static_cast<std::uint32_t>(hops.front().oif));
  } else {
    put_next_hops(message.get(), hops);
  }
  std::string act = "replace route " + to_string(destination) + " via " + to_string(hops.front().gateway);
  if (hops.size() > 1) {
    act += " and " + std::to_string(hops.size() - 1) + " more";
  }
  append(message.get(), std::move(act));
}

void NetlinkBatch::delete_route(const Prefix& destination) {
  rtmsg header = route_header(destination);
  header.rtm_scope = RT_SCOPE_NOWHERE;  // any
  const MessagePtr message = start(RTM_DELROUTE, 0, header);
  put_destination(message.get(), destination);
  append(message.get(), "delete route " + to_string(destination));
}

void NetlinkBatch::add_neighbour(int ifindex, const IpAddress& address, const MacAddress& mac) {
  const MessagePtr message =
      start(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, neighbour_header(address.af(), ifindex));
  put_address(message.get(), NDA_DST, address);
  put_mac(message.get(), NDA_LLADDR, mac);
  append(message.get(), "add neighbour " + to_string(address));
}

void NetlinkBatch::delete_neighbour(int ifindex, const IpAddress& address) {
  const MessagePtr message = start(RTM_DELNEIGH, 0, neighbour_header(address.af(), ifindex));
  put_address(message.get(), NDA_DST, address);
  append(message.get(), "delete neighbour " + to_string(address));
}

void NetlinkBatch::add_fdb(int ifindex, const MacAddress& mac, const IpAddress& remote) {
  ndmsg header = neighbour_header(PF_BRIDGE, ifindex);
  header.ndm_flags = NTF_SELF;
  const MessagePtr message = start(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, header);
  put_mac(message.get(), NDA_LLADDR, mac);
  put_address(message.get(), NDA_DST, remote);
  append(message.get(), "add forwarding entry " + to_string(mac) + " to " + to_string(remote));
}

NetlinkSocket NetlinkSocket::open() {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) {
    throw Error::from_errno(errno, "open rtnetlink socket");
  }
  const int on = 1;
  // Both only improve error texts; a kernel without them still tells the errno.
  ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  nl_sock* socket = ::nl_socket_alloc();
  if (socket == nullptr) {
    throw Error(ErrorKind::Internal, "open rtnetlink socket: out of memory");
  }
  NetlinkSocket opened(socket);
  // With a descriptor of our own libnl neither picks a port (it has 1,024 a process) nor shrinks the buffers.
  if (const int result = ::nl_socket_set_fd(socket, NETLINK_ROUTE, fd.get()); result < 0) {
    throw Error(ErrorKind::Internal, std::string("open rtnetlink socket: ") + ::nl_geterror(result));
  }
  fd.release();
  return opened;
}

NetlinkSocket::NetlinkSocket(NetlinkSocket&& other) noexcept
    : socket_(std::exchange(other.socket_, nullptr)) {}

NetlinkSocket& NetlinkSocket::operator=(NetlinkSocket&& other) noexcept {
  std::swap(socket_, other.socket_);
  return *this;
}

NetlinkSocket::~NetlinkSocket() {
  if (socket_ != nullptr) {
    ::nl_socket_free(socket_);
  }
}

UniqueFd NetlinkSocket::namespace_fd() const {
  UniqueFd fd(::ioctl(::nl_socket_get_fd(socket_), SIOCGSKNS));
  if (!fd) {
    throw Error::from_errno(errno, "open the network namespace of a socket");
  }
  return fd;
}

void NetlinkSocket::send(NetlinkBatch& batch) {
  size_t first = 0;
  while (first < batch.messages_.size()) {
    size_t last = first + 1;
    size_t size = batch.messages_[first].size;
    while (last < batch.messages_.size() && size + batch.messages_[last].size <= kChunkBytes) {
      size += batch.messages_[last++].size;
    }
    send_chunk(batch, first, last);
    first = last;
  }
  batch.clear();
}

void NetlinkSocket::send_chunk(NetlinkBatch& batch, size_t first, size_t last) {
  for (size_t i = first; i < last; ++i) {
    auto* header = reinterpret_cast<nlmsghdr*>(batch.bytes_.data() + batch.messages_[i].offset);
    header->nlmsg_seq = static_cast<std::uint32_t>(i);
    if (i + 1 == last) {
      header->nlmsg_flags |= NLM_F_ACK;
    }
  }
  const size_t begin = batch.messages_[first].offset;
  const size_t size = batch.messages_[last - 1].offset + batch.messages_[last - 1].size - begin;
  if (const int sent = ::nl_sendto(socket_, batch.bytes_.data() + begin, size); sent < 0) {
    throw Error(ErrorKind::Kernel, batch.messages_[first].act + ": " + ::nl_geterror(sent));
  }
  std::optional<Error> failure;
  std::vector<char> replies(kReplyBytes);
  for (bool is_answered = false; !is_answered;) {
    const ssize_t received = ::recv(::nl_socket_get_fd(socket_), replies.data(), replies.size(), 0);
    if (received < 0) {
      if (errno == EINTR) {
        continue;
      }
      throw Error::from_errno(errno, "read rtnetlink replies");
    }
    int rest = static_cast<int>(received);
    for (auto* reply = reinterpret_cast<nlmsghdr*>(replies.data()); ::nlmsg_ok(reply, rest);
         reply = ::nlmsg_next(reply, &rest)) {
      if (reply->nlmsg_type != NLMSG_ERROR || reply->nlmsg_seq < first || reply->nlmsg_seq >= last) {
        continue;
      }
      const auto* error = static_cast<const nlmsgerr*>(::nlmsg_data(reply));
      if (error->error != 0 && !failure) {
        failure = Error::from_errno(-error->error, batch.messages_[reply->nlmsg_seq].act);
        if (const std::string why = explanation_of(reply); !why.empty()) {
          failure = Error::from_errno(-error->error, batch.messages_[reply->nlmsg_seq].act + ": " + why);
        }
      }
      is_answered = is_answered || reply->nlmsg_seq == last - 1;
    }
  }
  if (failure) {
    batch.clear();
    throw *failure;
  }
}

}  // namespace labctl::kernel
