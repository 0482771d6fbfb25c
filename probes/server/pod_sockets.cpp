#include "probes/server/pod_sockets.hpp"

#include "probes/server/http_text.hpp"
#include "topology/base/error.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

namespace labctl::server {
namespace {

// What the kernel will really queue is also bound by net.core.somaxconn.
constexpr int kBacklog = 4096;

std::string_view go_network(model::Protocol protocol) {
  switch (protocol) {
    case model::Protocol::Tcp:
      return "tcp";
    case model::Protocol::Udp:
      return "udp";
    case model::Protocol::Sctp:
      return "sctp";
  }
  return "tcp";
}

UniqueFd open_socket(model::Protocol protocol, int family) noexcept {
  const bool udp = protocol == model::Protocol::Udp;
  const int kind = (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
  return UniqueFd(::socket(family, kind, protocol == model::Protocol::Sctp ? IPPROTO_SCTP : 0));
}

[[noreturn]] void throw_listen_error(model::Protocol protocol, const std::string& where,
                                     std::string_view call, int errno_value) {
  const std::string act =
      "listen " + std::string(go_network(protocol)) + " " + where + ": " + std::string(call);
  if (protocol == model::Protocol::Sctp &&
      (errno_value == EPROTONOSUPPORT || errno_value == ESOCKTNOSUPPORT)) {
    throw Error(ErrorKind::Unsupported, act + ": " + go_error_text(errno_value),
                "this kernel has no SCTP; load its sctp module, or leave SCTP ports out");
  }
  throw Error(Error::from_errno(errno_value, act).kind(), act + ": " + go_error_text(errno_value));
}

}  // namespace

UniqueFd open_listener(model::Protocol protocol, const std::optional<IpAddress>& address, std::uint16_t port,
                       bool dual_stack) {
  const std::string where = address ? to_string(*address, port) : ":" + std::to_string(port);
  const IpAddress bind_to = address.value_or(IpAddress::any(dual_stack ? Family::IPv6 : Family::IPv4));
  UniqueFd fd = open_socket(protocol, bind_to.af());
  if (!fd) {
    throw_listen_error(protocol, where, "socket", errno);
  }
  const int on = 1;
  const int off = 0;
  const auto option = [&](int level, int name, const int& value) {
    if (::setsockopt(fd.get(), level, name, &value, sizeof value) != 0) {
      throw_listen_error(protocol, where, "setsockopt", errno);
    }
  };
  if (bind_to.family() == Family::IPv6) {
    option(IPPROTO_IPV6, IPV6_V6ONLY, address ? on : off);
  }
  if (protocol == model::Protocol::Udp) {
    // Replies leave from the address the datagram came to: a node has several.
    bind_to.family() == Family::IPv6 ? option(IPPROTO_IPV6, IPV6_RECVPKTINFO, on)
                                     : option(IPPROTO_IP, IP_PKTINFO, on);
  } else {
    // As Go does: a port in TIME_WAIT is free. Two listeners still conflict.
    option(SOL_SOCKET, SO_REUSEADDR, on);
  }
  sockaddr_storage storage;
  const socklen_t length = bind_to.to_sockaddr(port, storage);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
    throw_listen_error(protocol, where, "bind", errno);
  }
  if (protocol != model::Protocol::Udp && ::listen(fd.get(), kBacklog) != 0) {
    throw_listen_error(protocol, where, "bind", errno);
  }
  return fd;
}

UniqueFd open_client(model::Protocol protocol, int family) noexcept { return open_socket(protocol, family); }

}  // namespace labctl::server
