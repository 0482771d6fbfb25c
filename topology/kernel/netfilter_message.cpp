#include "topology/kernel/netfilter_message.hpp"

#include "topology/base/error.hpp"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace labctl::kernel {
namespace netfilter {
namespace {

// What the kernel packs a dump's messages into at most; answers are far smaller.
constexpr std::size_t kReplyBytes = 64 * 1024;

template <typename T>
T read_as(std::span<const std::byte> bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

void read_error(std::span<const std::byte> message, Reply& reply, bool has_attributes) {
  reply.error = -read_as<std::int32_t>(message);
  // The socket caps answers: after the code and the header of the message at fault the attributes follow.
  if (!has_attributes || message.size() <= sizeof(nlmsgerr)) {
    return;
  }
  const std::span<const std::byte> attributes = message.subspan(sizeof(nlmsgerr));
  const std::span<const std::byte> text = attribute(attributes, NLMSGERR_ATTR_MSG);
  if (!text.empty()) {
    reply.explanation.assign(reinterpret_cast<const char*>(text.data()), text.size() - 1);
  }
  const std::span<const std::byte> offset = attribute(attributes, NLMSGERR_ATTR_OFFS);
  if (offset.size() == sizeof reply.bad_offset) {
    reply.bad_offset = read_as<std::uint32_t>(offset);
  }
}

Reply read_reply(const nlmsghdr& header, std::span<const std::byte> message) {
  Reply reply;
  reply.type = header.nlmsg_type;
  reply.sequence = header.nlmsg_seq;
  reply.is_interrupted = (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
  if (header.nlmsg_type == NLMSG_ERROR && message.size() >= sizeof(nlmsgerr)) {
    read_error(message, reply, (header.nlmsg_flags & NLM_F_ACK_TLVS) != 0);
  } else if (header.nlmsg_type == NLMSG_DONE && message.size() >= sizeof(std::int32_t)) {
    reply.error = -read_as<std::int32_t>(message);
  } else if (message.size() >= sizeof(nfgenmsg)) {
    reply.attributes = message.subspan(sizeof(nfgenmsg));
  }
  return reply;
}

}  // namespace

std::size_t start_message(std::vector<std::byte>& bytes, int type, int flags, int family,
                          std::uint16_t resource) {
  struct {
    nlmsghdr message;
    nfgenmsg netfilter;
  } header{};
  static_assert(sizeof header == NLMSG_LENGTH(sizeof(nfgenmsg)));
  header.message.nlmsg_len = sizeof header;
  header.message.nlmsg_type = static_cast<std::uint16_t>(type);
  header.message.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  header.netfilter.nfgen_family = static_cast<std::uint8_t>(family);
  header.netfilter.version = NFNETLINK_V0;
  header.netfilter.res_id = htons(resource);
  const std::size_t offset = bytes.size();
  const auto* raw = reinterpret_cast<const std::byte*>(&header);
  bytes.insert(bytes.end(), raw, raw + sizeof header);
  return offset;
}

std::size_t put_attribute(std::vector<std::byte>& bytes, int type, std::span<const std::byte> payload) {
  const std::size_t offset = bytes.size();
  nlattr header{};
  header.nla_type = static_cast<std::uint16_t>(type);
  header.nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + payload.size());
  bytes.resize(offset + NLA_ALIGN(header.nla_len));
  std::memcpy(bytes.data() + offset, &header, sizeof header);
  if (!payload.empty()) {
    std::memcpy(bytes.data() + offset + NLA_HDRLEN, payload.data(), payload.size());
  }
  return offset;
}

std::size_t put_text(std::vector<std::byte>& bytes, int type, std::string_view text) {
  const std::string terminated(text);
  return put_attribute(bytes, type, std::as_bytes(std::span(terminated.c_str(), terminated.size() + 1)));
}

std::size_t put_number(std::vector<std::byte>& bytes, int type, std::uint32_t value) {
  const std::uint32_t network = htonl(value);
  return put_attribute(bytes, type, std::as_bytes(std::span(&network, 1)));
}

std::size_t start_nest(std::vector<std::byte>& bytes, int type) {
  return put_attribute(bytes, type | NLA_F_NESTED, {});
}

void end_nest(std::vector<std::byte>& bytes, std::size_t offset) {
  const auto length = static_cast<std::uint16_t>(bytes.size() - offset);
  std::memcpy(bytes.data() + offset + offsetof(nlattr, nla_len), &length, sizeof length);
}

void end_message(std::vector<std::byte>& bytes, std::size_t offset) {
  header_at(bytes, offset).nlmsg_len = static_cast<std::uint32_t>(bytes.size() - offset);
}

nlmsghdr& header_at(std::vector<std::byte>& bytes, std::size_t offset) {
  return *reinterpret_cast<nlmsghdr*>(bytes.data() + offset);
}

void for_each_attribute(std::span<const std::byte> bytes,
                        const std::function<bool(int, std::span<const std::byte>)>& take) {
  while (bytes.size() >= sizeof(nlattr)) {
    const auto header = read_as<nlattr>(bytes);
    if (header.nla_len < NLA_HDRLEN || header.nla_len > bytes.size() ||
        !take(header.nla_type & NLA_TYPE_MASK, bytes.subspan(NLA_HDRLEN, header.nla_len - NLA_HDRLEN))) {
      return;
    }
    bytes = bytes.subspan(std::min<std::size_t>(NLA_ALIGN(header.nla_len), bytes.size()));
  }
}

std::span<const std::byte> attribute(std::span<const std::byte> bytes, int type) {
  std::span<const std::byte> found;
  for_each_attribute(bytes, [&](int at, std::span<const std::byte> payload) {
    if (at == type) {
      found = payload;
    }
    return at != type;
  });
  return found;
}

std::uint32_t number(std::span<const std::byte> payload) {
  return payload.size() == sizeof(std::uint32_t) ? ntohl(read_as<std::uint32_t>(payload)) : 0;
}

UniqueFd open_socket() {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!fd) {
    throw Error::from_errno(errno, "open netfilter socket",
                            errno == EPROTONOSUPPORT
                                ? "the kernel needs CONFIG_NF_TABLES; labctl doctor shows what is missing"
                                : "");
  }
  const int on = 1;
  // Answers without the message they answer, and with the element at fault.
  if (::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on) != 0 ||
      ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on) != 0) {
    throw Error::from_errno(errno, "set up netfilter socket");
  }
  return fd;
}

void send_bytes(int fd, std::span<const std::byte> bytes, const std::string& act) {
  while (::send(fd, bytes.data(), bytes.size(), 0) < 0) {
    if (errno != EINTR) {
      throw Error::from_errno(errno, act);
    }
  }
}

bool read_replies(int fd, const std::function<bool(const Reply&)>& take) {
  alignas(nlmsghdr) std::array<std::byte, kReplyBytes> buffer;
  bool is_lossy = false;
  for (;;) {
    const ssize_t received = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (received < 0 && errno == EINTR) {
      continue;
    }
    if (received < 0 && errno == ENOBUFS) {
      is_lossy = true;  // told once; what was queued before is still there
      continue;
    }
    if (received < 0 && errno == EAGAIN) {
      return is_lossy;
    }
    if (received < 0) {
      throw Error::from_errno(errno, "read netfilter replies");
    }
    std::span<const std::byte> rest(buffer.data(), static_cast<std::size_t>(received));
    while (rest.size() >= sizeof(nlmsghdr)) {
      const auto header = read_as<nlmsghdr>(rest);
      if (header.nlmsg_len < sizeof(nlmsghdr) || header.nlmsg_len > rest.size()) {
        break;
      }
      const Reply reply = read_reply(header, rest.subspan(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN));
      if (!take(reply)) {
        return is_lossy;
      }
      rest = rest.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), rest.size()));
    }
  }
}

}  // namespace netfilter
}  // namespace labctl::kernel
