#include "probes/engine/socket_error.hpp"

// The kernel's header before any of libc's that define the same names.
#include <linux/errqueue.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace labctl::engine {
namespace {

using probes::Outcome;

std::string_view words_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::Refused:
      return "port unreachable";
    case Outcome::Prohibited:
      return "communication prohibited";
    default:
      return "destination unreachable";
  }
}

void read_extended(const cmsghdr* control, QueuedError& out) noexcept {
  sock_extended_err extended{};
  std::memcpy(&extended, CMSG_DATA(control), sizeof extended);
  out.errno_value = static_cast<int>(extended.ee_errno);
  out.type = extended.ee_type;
  out.code = extended.ee_code;
  out.is_icmp = extended.ee_origin == SO_EE_ORIGIN_ICMP || extended.ee_origin == SO_EE_ORIGIN_ICMP6;
  if (!out.is_icmp) {
    out.outcome = probes::outcome_of_errno(out.errno_value);
    return;
  }
  const Family family = extended.ee_origin == SO_EE_ORIGIN_ICMP ? Family::IPv4 : Family::IPv6;
  out.outcome = probes::outcome_of_icmp(family, out.type, out.code);
  const unsigned char* after = CMSG_DATA(control) + sizeof extended;
  const std::size_t room = control->cmsg_len - CMSG_LEN(sizeof extended);
  sockaddr_storage offender{};
  std::memcpy(&offender, after, std::min(room, sizeof offender));
  out.offender = IpAddress::from_sockaddr(offender);
}

}  // namespace

void want_error_queue(int fd, Family family) noexcept {
  const int on = 1;
  if (family == Family::IPv4) {
    ::setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
  } else {
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
  }
}

bool take_error(int fd, QueuedError& out) noexcept {
  out = {};
  alignas(cmsghdr) std::array<char, 512> control{};
  iovec part{out.payload.data(), out.payload.size()};
  msghdr message{};
  message.msg_name = &out.destination;
  message.msg_namelen = sizeof out.destination;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
  if (size < 0) {
    return false;
  }
  out.payload_size = static_cast<std::size_t>(size);
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    if ((each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_RECVERR) ||
        (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_RECVERR)) {
      read_extended(each, out);
    }
  }
  return true;
}

int take_so_error(int fd) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

void describe_errno(std::string_view act, int errno_value, std::string& out) {
  const char* words = ::strerrordesc_np(errno_value);
  const char* name = ::strerrorname_np(errno_value);
  out.assign(act).append(": ").append(words != nullptr ? words : "unknown error");
  if (name != nullptr) {
    out.append(" (").append(name).append(")");
  }
}

void describe_icmp(Outcome outcome, Family family, std::uint8_t type, std::uint8_t code,
                   const std::optional<IpAddress>& offender, std::string& out) {
  out = offender ? to_string(*offender) : std::string("a router");
  out.append(" answers: ")
      .append(words_of(outcome))
      .append(family == Family::IPv4 ? " (ICMP type " : " (ICMPv6 type ");
  out.append(std::to_string(type)).append(" code ").append(std::to_string(code)).append(")");
}

void describe(std::string_view act, const QueuedError& error, std::string& out) {
  if (error.is_icmp) {
    const Family family = error.offender ? error.offender->family() : Family::IPv4;
    describe_icmp(error.outcome, family, error.type, error.code, error.offender, out);
  } else {
    describe_errno(act, error.errno_value, out);
  }
}

}  // namespace labctl::engine
