#include "tests/netns/engine/three_spaces.hpp"

#include "topology/base/error.hpp"
#include "topology/base/mac_address.hpp"
#include "topology/kernel/netlink_batch.hpp"
#include "topology/kernel/sysctl.hpp"

#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace labctl::engine {
namespace {

constexpr int kLo = 1;
constexpr int kEth0 = 2;
constexpr int kEth1 = 3;

kernel::NetworkNamespace new_space(kernel::NamespaceScope& scope) {
  scope.enter_new();
  return kernel::NetworkNamespace::current();
}

void address(kernel::NetlinkBatch& batch, int link, const char* text) {
  batch.add_address(link, ip(text), 24);
}

// A /24 route that is answered with an error, or with nothing, instead of being followed.
void refuse(unsigned char type, const char* network) {
  struct {
    nlmsghdr header;
    rtmsg route;
    rtattr attribute;
    std::uint8_t destination[4];
  } message{};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = RTM_NEWROUTE;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK;
  message.route.rtm_family = AF_INET;
  message.route.rtm_dst_len = 24;
  message.route.rtm_table = RT_TABLE_MAIN;
  message.route.rtm_protocol = RTPROT_STATIC;
  message.route.rtm_type = type;
  message.attribute.rta_len = RTA_LENGTH(4);
  message.attribute.rta_type = RTA_DST;
  std::memcpy(message.destination, ip(network).bytes().data(), 4);
  UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  struct {
    nlmsghdr header;
    nlmsgerr error;
  } reply{};
  if (::send(socket.get(), &message, sizeof message, 0) < 0 ||
      ::recv(socket.get(), &reply, sizeof reply, 0) < 0 || reply.error.error != 0) {
    throw Error::from_errno(reply.error.error != 0 ? -reply.error.error : errno, "add route");
  }
}

int operstate(int link) {
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.link.ifi_index = link;
  const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  alignas(nlmsghdr) std::array<char, 16384> reply{};
  ::send(socket.get(), &request, sizeof request, 0);
  const ssize_t size = ::recv(socket.get(), reply.data(), reply.size(), 0);
  const auto* header = reinterpret_cast<const nlmsghdr*>(reply.data());
  if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(ifinfomsg))) || header->nlmsg_type != RTM_NEWLINK) {
    return IF_OPER_NOTPRESENT;
  }
  int left = static_cast<int>(IFLA_PAYLOAD(header));
  for (const auto* each = IFLA_RTA(NLMSG_DATA(header)); RTA_OK(each, left); each = RTA_NEXT(each, left)) {
    if (each->rta_type == IFLA_OPERSTATE) {
      return *static_cast<const unsigned char*>(RTA_DATA(each));
    }
  }
  return IF_OPER_NOTPRESENT;
}

// A new link drops what is sent until the kernel's link watch has made it active.
void wait_until_up(int link) {
  for (int i = 0; i < 5000 && operstate(link) != IF_OPER_UP; ++i) {
    ::poll(nullptr, 0, 1);
  }
  // The state is set in the midst of it, under the lock that a change has to wait for.
  kernel::NetlinkBatch batch;
  batch.set_link(kLo, true);
  kernel::NetlinkSocket::open().send(batch);
}

}  // namespace

ThreeSpaces::ThreeSpaces(int more) {
  kernel::NamespaceScope scope;
  router_space = new_space(scope);
  kernel::NetlinkSocket router = kernel::NetlinkSocket::open();
  kernel::SysctlWriter settings;
  settings.write("net/ipv4/ip_forward", "1");
  // The router answers every probe, however many come in a second.
  settings.write("net/ipv4/icmp_ratelimit", "0");
  client_space = new_space(scope);
  kernel::NetlinkSocket near = kernel::NetlinkSocket::open();
  server_space = new_space(scope);
  kernel::NetlinkSocket far = kernel::NetlinkSocket::open();
  settings.namespace_changed();
  settings.write("net/ipv4/icmp_ratelimit", "0");

  kernel::NetlinkBatch batch;
  kernel::VethOptions to_client;
  to_client.name = "eth0";
  to_client.ifindex = kEth0;
  to_client.peer_name = "eth0";
  to_client.peer_ifindex = kEth0;
  to_client.peer_namespace_fd = client_space.fd();
  // Nobody has to ask for an address, as in a lab: an ARP request that is lost costs a second.
  const MacAddress client_mac = MacAddress::derive(0, ip("10.0.1.2"));
  const MacAddress server_mac = MacAddress::derive(0, ip("10.0.2.2"));
  const MacAddress near_mac = MacAddress::derive(1, ip("10.0.1.1"));
  const MacAddress far_mac = MacAddress::derive(1, ip("10.0.2.1"));
  to_client.mac = near_mac;
  to_client.peer_mac = client_mac;
  batch.add_veth(to_client);
  kernel::VethOptions to_server = to_client;
  to_server.name = "eth1";
  to_server.ifindex = kEth1;
  to_server.peer_namespace_fd = server_space.fd();
  to_server.mac = far_mac;
  to_server.peer_mac = server_mac;
  batch.add_veth(to_server);
  batch.add_neighbour(kEth0, ip("10.0.1.2"), client_mac);
  for (int i = 0; i < 1 + more; ++i) {
    batch.add_neighbour(kEth1, ip("10.0.2.2").plus(static_cast<std::uint64_t>(i)), server_mac);
  }
  address(batch, kEth0, "10.0.1.1");
  address(batch, kEth1, "10.0.2.1");
  router.send(batch);
  for (auto* socket : {&near, &far}) {
    batch.set_link(kLo, true);
    batch.set_link(kEth0, true);
    address(batch, kEth0, socket == &near ? "10.0.1.2" : "10.0.2.2");
    for (int i = 0; socket == &far && i < more; ++i) {
      batch.add_address(kEth0, ip("10.0.2.3").plus(static_cast<std::uint64_t>(i)), 24);
    }
    kernel::RouteOptions route;
    route.destination = Prefix();
    route.gateway = ip(socket == &near ? "10.0.1.1" : "10.0.2.1");
    route.oif = kEth0;
    batch.add_route(route);
    batch.add_neighbour(kEth0, *route.gateway, socket == &near ? near_mac : far_mac);
    socket->send(batch);
  }
  scope.enter(server_space.fd());
  wait_until_up(kEth0);
  scope.enter(router_space.fd());
  wait_until_up(kEth0);
  wait_until_up(kEth1);
  refuse(RTN_PROHIBIT, "10.0.3.0");
  refuse(RTN_UNREACHABLE, "10.0.4.0");
  refuse(RTN_BLACKHOLE, "10.0.5.0");
  scope.enter(client_space.fd());
  wait_until_up(kEth0);
  refuse(RTN_PROHIBIT, "10.0.6.0");
  refuse(RTN_UNREACHABLE, "10.0.7.0");
  client = {"pod/default/client", client_space.fd(), {ip("10.0.1.2")}};
  server = {"pod/default/server", server_space.fd(), {ip("10.0.2.2")}};
}

Probe ThreeSpaces::probe(const char* address, std::uint16_t port) const {
  Probe probe;
  probe.from = &client;
  probe.address = ip(address);
  probe.port = port;
  return probe;
}

std::vector<Found> run_all(const Engine& engine, const std::vector<Probe>& probes, const Cancel* cancel) {
  std::vector<Found> found(probes.size());
  std::vector<int> times(probes.size());
  engine.run(
      probes,
      [&](const Result& result) {
        Found& each = found.at(result.index);
        ++times[result.index];
        EXPECT_EQ(result.probe, &probes[result.index]);
        each.index = result.index;
        each.outcome = result.outcome;
        each.tries = result.tries;
        each.backend = result.backend;
        each.source = result.source ? to_string(*result.source) : "";
        each.source_port = result.source_port;
        each.rtt_us_min = result.rtt_us_min;
        each.rtt_us_max = result.rtt_us_max;
        for (const auto& entry : result.responses.entries()) {
          each.responses.emplace_back(entry.backend, entry.count);
        }
        each.http = result.http;
        each.dns = result.dns;
        each.dns_queries = result.dns_queries;
        each.address = result.address;
        each.reason = result.reason;
        each.outcomes = result.outcomes;
      },
      cancel);
  for (std::size_t i = 0; i < times.size(); ++i) {
    EXPECT_EQ(times[i], 1) << "probe " << i;
  }
  return found;
}

Found run_one(const Engine& engine, const Probe& probe) { return run_all(engine, {probe}).at(0); }

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

}  // namespace labctl::engine
