#include "topology/kernel/conntrack.hpp"

#include "topology/base/error.hpp"
#include "topology/kernel/netfilter_message.hpp"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>

namespace labctl::kernel {
namespace {

namespace nf = netfilter;

constexpr int kGetFlow = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
constexpr int kGetCount = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS;
constexpr int kDeleteFlow = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
constexpr std::uint32_t kFilterProtocol = 1U << 3;  // CTA_FILTER_F_CTA_PROTO_NUM, which no header has

constexpr const char* kMissing = "the kernel needs CONFIG_NF_CT_NETLINK";

std::uint16_t port_in(std::span<const std::byte> payload) {
  std::uint16_t port = 0;
  if (payload.size() == sizeof port) {
    std::memcpy(&port, payload.data(), sizeof port);
  }
  return ntohs(port);
}

IpAddress address_in(std::span<const std::byte> addresses, Family family, int type) {
  const std::span<const std::byte> payload = nf::attribute(addresses, type);
  if (payload.size() != IpAddress::any(family).size()) {
    return IpAddress::any(family);
  }
  return IpAddress::from_bytes(family, reinterpret_cast<const std::uint8_t*>(payload.data()));
}

struct Tuple {
  IpAddress src;
  IpAddress dst;
  std::uint16_t sport = 0;
  std::uint16_t dport = 0;
  std::uint8_t protocol = 0;
};

Tuple read_tuple(std::span<const std::byte> tuple, Family family) {
  const std::span<const std::byte> addresses = nf::attribute(tuple, CTA_TUPLE_IP);
  const std::span<const std::byte> ports = nf::attribute(tuple, CTA_TUPLE_PROTO);
  const std::span<const std::byte> protocol = nf::attribute(ports, CTA_PROTO_NUM);
  const bool is_v4 = family == Family::IPv4;
  return {address_in(addresses, family, is_v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC),
          address_in(addresses, family, is_v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST),
          port_in(nf::attribute(ports, CTA_PROTO_SRC_PORT)),
          port_in(nf::attribute(ports, CTA_PROTO_DST_PORT)),
          protocol.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(protocol[0])};
}

Flow read_flow(std::span<const std::byte> attributes, Family family) {
  const Tuple orig = read_tuple(nf::attribute(attributes, CTA_TUPLE_ORIG), family);
  const Tuple reply = read_tuple(nf::attribute(attributes, CTA_TUPLE_REPLY), family);
  const std::uint32_t status = nf::number(nf::attribute(attributes, CTA_STATUS));
  Flow flow;
  flow.family = family;
  flow.protocol = orig.protocol;
  flow.orig_src = orig.src;
  flow.orig_dst = orig.dst;
  flow.orig_sport = orig.sport;
  flow.orig_dport = orig.dport;
  flow.reply_src = reply.src;
  flow.reply_dst = reply.dst;
  flow.reply_sport = reply.sport;
  flow.reply_dport = reply.dport;
  flow.zone = port_in(nf::attribute(attributes, CTA_ZONE));
  flow.id = nf::number(nf::attribute(attributes, CTA_ID));
  flow.seen_reply = (status & IPS_SEEN_REPLY) != 0;
  flow.is_assured = (status & IPS_ASSURED) != 0;
  return flow;
}

void put_byte(std::vector<std::byte>& bytes, int type, std::uint8_t value) {
  nf::put_attribute(bytes, type, std::as_bytes(std::span(&value, 1)));
}

void put_port(std::vector<std::byte>& bytes, int type, std::uint16_t port) {
  const std::uint16_t network = htons(port);
  nf::put_attribute(bytes, type, std::as_bytes(std::span(&network, 1)));
}

void put_address(std::vector<std::byte>& bytes, int type, const IpAddress& address) {
  nf::put_attribute(bytes, type, std::as_bytes(std::span(address.bytes())).first(address.size()));
}

std::vector<std::byte> list_request(Family family, std::uint8_t protocol) {
  std::vector<std::byte> bytes;
  const std::size_t message =
      nf::start_message(bytes, kGetFlow, NLM_F_DUMP, family == Family::IPv4 ? AF_INET : AF_INET6);
  // Kernels before 5.8 do not know the filter and tell everything: list() looks again.
  const std::size_t tuple = nf::start_nest(bytes, CTA_TUPLE_ORIG);
  const std::size_t proto = nf::start_nest(bytes, CTA_TUPLE_PROTO);
  put_byte(bytes, CTA_PROTO_NUM, protocol);
  nf::end_nest(bytes, proto);
  nf::end_nest(bytes, tuple);
  const std::size_t filter = nf::start_nest(bytes, CTA_FILTER);
  // Unlike most numbers of netfilter these are in host order.
  const std::uint32_t orig_fields = kFilterProtocol;
  const std::uint32_t reply_fields = 0;
  nf::put_attribute(bytes, CTA_FILTER_ORIG_FLAGS, std::as_bytes(std::span(&orig_fields, 1)));
  nf::put_attribute(bytes, CTA_FILTER_REPLY_FLAGS, std::as_bytes(std::span(&reply_fields, 1)));
  nf::end_nest(bytes, filter);
  nf::end_message(bytes, message);
  return bytes;
}

std::vector<std::byte> erase_request(const Flow& flow) {
  const bool is_v4 = flow.family == Family::IPv4;
  std::vector<std::byte> bytes;
  const std::size_t message = nf::start_message(bytes, kDeleteFlow, NLM_F_ACK, is_v4 ? AF_INET : AF_INET6);
  const std::size_t tuple = nf::start_nest(bytes, CTA_TUPLE_ORIG);
  const std::size_t addresses = nf::start_nest(bytes, CTA_TUPLE_IP);
  put_address(bytes, is_v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, flow.orig_src);
  put_address(bytes, is_v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, flow.orig_dst);
  nf::end_nest(bytes, addresses);
  const std::size_t ports = nf::start_nest(bytes, CTA_TUPLE_PROTO);
  put_byte(bytes, CTA_PROTO_NUM, flow.protocol);
  put_port(bytes, CTA_PROTO_SRC_PORT, flow.orig_sport);
  put_port(bytes, CTA_PROTO_DST_PORT, flow.orig_dport);
  nf::end_nest(bytes, ports);
  nf::end_nest(bytes, tuple);
  if (flow.zone != 0) {
    put_port(bytes, CTA_ZONE, flow.zone);
  }
  nf::put_number(bytes, CTA_ID, flow.id);
  nf::end_message(bytes, message);
  return bytes;
}

}  // namespace

ConntrackSocket ConntrackSocket::open() { return ConntrackSocket(nf::open_socket()); }

std::uint32_t ConntrackSocket::count() {
  const std::string act = "count tracked connections";
  std::vector<std::byte> request;
  nf::end_message(request, nf::start_message(request, kGetCount, 0, AF_UNSPEC));
  nf::header_at(request, 0).nlmsg_seq = ++sequence_;
  nf::send_bytes(fd_.get(), request, act);
  std::optional<std::uint32_t> count;
  int error = 0;
  nf::read_replies(fd_.get(), [&](const nf::Reply& reply) {
    if (reply.sequence == sequence_ && reply.type == NLMSG_ERROR) {
      error = reply.error;
    } else if (reply.sequence == sequence_) {
      count = nf::number(nf::attribute(reply.attributes, CTA_STATS_GLOBAL_ENTRIES));
    }
    return true;
  });
  if (error != 0) {
    throw Error::from_errno(error, act, error == EINVAL ? kMissing : "");
  }
  if (!count) {
    throw Error(ErrorKind::Kernel, act + ": the kernel's answer was lost");
  }
  return *count;
}

std::vector<Flow> ConntrackSocket::list(Family family, std::uint8_t protocol) {
  const std::string act = "list tracked connections";
  std::vector<std::byte> request = list_request(family, protocol);
  nf::header_at(request, 0).nlmsg_seq = ++sequence_;
  nf::send_bytes(fd_.get(), request, act);
  std::vector<Flow> flows;
  bool is_done = false;
  int error = 0;
  const bool is_lossy = nf::read_replies(fd_.get(), [&](const nf::Reply& reply) {
    if (reply.sequence != sequence_) {
      return true;
    }
    if (reply.type == NLMSG_DONE || reply.type == NLMSG_ERROR) {
      is_done = true;
      error = reply.error;
      return true;
    }
    const Flow flow = read_flow(reply.attributes, family);
    if (flow.protocol == protocol) {
      flows.push_back(flow);
    }
    return true;
  });
  if (error != 0) {
    throw Error::from_errno(error, act, error == EINVAL ? kMissing : "");
  }
  if (!is_done || is_lossy) {
    throw Error(ErrorKind::Kernel, act + ": the kernel's answer was lost");
  }
  return flows;
}

bool ConntrackSocket::erase(const Flow& flow) {
  const std::string act = "forget the tracked connection " + to_string(flow.orig_src, flow.orig_sport) +
                          " to " + to_string(flow.orig_dst, flow.orig_dport);
  std::vector<std::byte> request = erase_request(flow);
  nf::header_at(request, 0).nlmsg_seq = ++sequence_;
  nf::send_bytes(fd_.get(), request, act);
  std::optional<int> error;
  nf::read_replies(fd_.get(), [&](const nf::Reply& reply) {
    if (reply.type == NLMSG_ERROR && reply.sequence == sequence_) {
      error = reply.error;
    }
    return true;
  });
  if (!error) {
    throw Error(ErrorKind::Kernel, act + ": the kernel's answer was lost");
  }
  if (*error != 0 && *error != ENOENT) {
    throw Error::from_errno(*error, act, *error == EINVAL ? kMissing : "");
  }
  return *error == 0;
}

}  // namespace labctl::kernel
