#include "tests/netns/services/wire.hpp"

#include "topology/kernel/network_namespace.hpp"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace labctl {
namespace {

// The Internet checksum (RFC 1071) of a segment and its pseudo header.
std::uint16_t checksum(const Segment& segment, const tcphdr& header) {
  std::vector<std::uint8_t> bytes;
  for (const IpAddress* address : {&segment.source, &segment.destination}) {
    bytes.insert(bytes.end(), address->bytes().begin(),
                 address->bytes().begin() + static_cast<std::ptrdiff_t>(address->size()));
  }
  const std::array<std::uint8_t, 4> rest = {0, IPPROTO_TCP, 0, sizeof header};
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  const auto* first = reinterpret_cast<const std::uint8_t*>(&header);
  bytes.insert(bytes.end(), first, first + sizeof header);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(bytes[i] << 8) + bytes[i + 1];
  }
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace

Conversation::Conversation(const engine::Vantage& from, const IpAddress& to, std::uint16_t port)
    : host_(to_string(to, port)) {
  const kernel::NamespaceScope scope(from.netns_fd);
  socket_.reset(::socket(to.af(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{10, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_storage where{};
  const socklen_t size = to.to_sockaddr(port, where);
  if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&where), size) != 0) {
    error_ = errno;
    socket_.reset();
  }
}

std::string Conversation::hostname() {
  const std::string request = "GET /hostname HTTP/1.1\r\nHost: " + host_ + "\r\n\r\n";
  if (::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) {
    return std::strerror(errno);
  }
  std::string reply;
  std::array<char, 1024> buffer{};
  while (reply.find("\r\n\r\n") == std::string::npos || reply.ends_with("\r\n\r\n")) {
    const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (size <= 0) {
      return size == 0 ? "closed" : std::strerror(errno);
    }
    reply.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return reply.substr(reply.find("\r\n\r\n") + 4);
}

SegmentTap::SegmentTap(const engine::Vantage& where) : family_(where.addresses.front().family()) {
  const kernel::NamespaceScope scope(where.netns_fd);
  socket_.reset(::socket(where.addresses.front().af(), SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
}

void SegmentTap::take() const {
  std::array<char, 65536> buffer{};
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  for (;;) {
    const ssize_t size = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &length);
    if (size < 0) {
      return;
    }
    iphdr ip{};
    std::memcpy(&ip, buffer.data(), sizeof ip);
    const std::size_t start = family_ == Family::IPv4 ? ip.ihl * 4U : 0U;
    tcphdr tcp{};
    std::memcpy(&tcp, buffer.data() + start, sizeof tcp);
    Segment segment;
    segment.source = IpAddress::from_sockaddr(from).value_or(IpAddress());
    segment.source_port = ntohs(tcp.source);
    segment.destination_port = ntohs(tcp.dest);
    segment.sequence = ntohl(tcp.seq);
    segment.ack = ntohl(tcp.ack_seq);
    seen_.push_back(segment);
    length = sizeof from;
  }
}

void SegmentTap::clear() const {
  take();
  seen_.clear();
}

Segment SegmentTap::last_from(const IpAddress& source) const {
  take();
  for (auto segment = seen_.rbegin(); segment != seen_.rend(); ++segment) {
    if (segment->source == source) {
      return *segment;
    }
  }
  return {};
}

bool SegmentTap::has_from(const IpAddress& source) const { return last_from(source).source_port != 0; }

void SegmentTap::send(const Segment& segment) const {
  tcphdr header{};
  header.source = htons(segment.source_port);
  header.dest = htons(segment.destination_port);
  header.seq = htonl(segment.sequence);
  header.ack_seq = htonl(segment.ack);
  header.doff = sizeof header / 4;
  header.ack = 1;
  header.window = htons(512);
  header.check = htons(checksum(segment, header));
  sockaddr_storage where{};
  const socklen_t size = segment.destination.to_sockaddr(0, where);
  ::sendto(socket_.get(), &header, sizeof header, 0, reinterpret_cast<sockaddr*>(&where), size);
}

}  // namespace labctl
