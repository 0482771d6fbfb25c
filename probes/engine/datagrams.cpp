// Worker: udp and icmp. One socket for each vantage, probes told apart by
// tokens, sent and received in batches.

#include "probes/engine/datagram_batch.hpp"
#include "probes/engine/worker.hpp"
#include "probes/protocol/icmp.hpp"
#include "probes/protocol/udp.hpp"

#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace labctl::engine {
namespace {

using probes::Outcome;
using protocol::ProbeProtocol;
using std::chrono::steady_clock;

// Replies of a whole window, with the kernel's bookkeeping for each, while the worker is busy elsewhere.
constexpr int kReceiveBuffer = 4 << 20;

static_assert(protocol::kIcmpEchoSize <= protocol::kUdpProbeSize);

// Lets through only what parse_icmp() understands.
void filter_icmp(int fd, Family family) noexcept {
  if (family == Family::IPv4) {
    const icmp_filter filter{~(1u << ICMP_ECHOREPLY | 1u << ICMP_DEST_UNREACH | 1u << ICMP_TIME_EXCEEDED)};
    ::setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof filter);
  } else {
    icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
    ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &filter);
    ICMP6_FILTER_SETPASS(ICMP6_TIME_EXCEEDED, &filter);
    ::setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
  }
}

}  // namespace

// Behind a Service a source port is a connection, and stays with its backend. Each try is to be one of its
// own, as it is by TCP.
bool Worker::needs_own_socket(const Probe& probe) noexcept {
  return probe.protocol == ProbeProtocol::Udp && probe.identify == Identify::Ask && probe.source_port == 0;
}

void Worker::start_datagram(Slot& slot) noexcept {
  if (slot.socket == Slot::kNoSocket && !open_datagram_socket(slot)) {
    return;
  }
  add_to_batch(slot);
}

// Finds or makes the socket for the slot's probe. False if the try is over or put off.
bool Worker::open_datagram_socket(Slot& slot) noexcept {
  const Probe& probe = *slot.result.probe;
  const bool is_own = needs_own_socket(probe);
  const auto fits = [&](const DatagramSocket& socket) {
    return socket.fd && !is_own && !socket.is_own && socket.vantage == probe.from &&
           socket.family == slot.to.family() && socket.protocol == probe.protocol &&
           socket.source_port == probe.source_port;
  };
  std::uint32_t index = last_socket_;
  if (index == Slot::kNoSocket || !fits(*sockets_[index])) {
    const auto found =
        std::find_if(sockets_.begin(), sockets_.end(), [&](const auto& each) { return fits(*each); });
    index = static_cast<std::uint32_t>(found - sockets_.begin());
  }
  if (index == sockets_.size()) {
    if (!enter(slot)) {
      return false;
    }
    const auto unused =
        std::find_if(sockets_.begin(), sockets_.end(), [](const auto& each) { return !each->fd; });
    index = static_cast<std::uint32_t>(unused - sockets_.begin());
    if (unused == sockets_.end()) {
      sockets_.push_back(std::make_unique<DatagramSocket>());
    }
    if (!new_datagram_socket(slot, index)) {
      return false;
    }
  }
  ++sockets_[index]->users;
  slot.socket = index;
  if (is_own) {
    return true;
  }
  const std::uint32_t before = std::exchange(last_socket_, index);
  if (before != index && before != Slot::kNoSocket && sockets_[before]->fd && sockets_[before]->users == 0) {
    close_socket(before);
  }
  return true;
}

bool Worker::new_datagram_socket(Slot& slot, std::uint32_t index) noexcept {
  const Probe& probe = *slot.result.probe;
  const Family family = slot.to.family();
  const bool udp = probe.protocol == ProbeProtocol::Udp;
  const int icmp = family == Family::IPv4 ? +IPPROTO_ICMP : +IPPROTO_ICMPV6;
  const int transport = udp ? +IPPROTO_UDP : icmp;
  UniqueFd fd(
      ::socket(slot.to.af(), (udp ? SOCK_DGRAM : SOCK_RAW) | SOCK_NONBLOCK | SOCK_CLOEXEC, transport));
  if (!fd) {
    local_trouble(slot, udp ? "open socket" : "open raw socket", errno);
    return false;
  }
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer) != 0) {
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  }
  if (udp) {
    want_error_queue(fd.get(), family);
  } else {
    filter_icmp(fd.get(), family);
  }
  if (udp && probe.source_port != 0) {
    sockaddr_storage any;
    const socklen_t size = IpAddress::any(family).to_sockaddr(probe.source_port, any);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), size) != 0) {
      local_trouble(slot, "bind to the source port", errno);
      return false;
    }
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kSocketKey | index;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
    local_trouble(slot, "watch socket", errno);
    return false;
  }
  ++polled_;
  DatagramSocket& socket = *sockets_[index];
  socket.fd = std::move(fd);
  socket.vantage = probe.from;
  socket.family = family;
  socket.protocol = probe.protocol;
  socket.source_port = probe.source_port;
  socket.is_own = needs_own_socket(probe);
  socket.identifier = static_cast<std::uint16_t>(random() >> 48);
  socket.users = 0;
  return true;
}

void Worker::release_socket(Slot& slot) noexcept {
  if (slot.socket == Slot::kNoSocket) {
    return;
  }
  const std::uint32_t index = slot.socket;
  slot.socket = Slot::kNoSocket;
  // The socket stays while its vantage is the one in hand: the next probe is likely to use it.
  if (--sockets_[index]->users == 0 && index != last_socket_) {
    close_socket(index);
  }
}

void Worker::close_socket(std::uint32_t index) noexcept {
  sockets_[index]->fd.reset();
  --polled_;
}

std::uint64_t Worker::token_of(const Slot& slot) const noexcept {
  return std::uint64_t{token_key_} << 32 | std::uint64_t{slot.generation & 0xffff} << 16 | index_of(slot);
}

Slot* Worker::slot_of_token(std::uint64_t token, std::uint32_t socket) noexcept {
  const auto index = static_cast<std::uint32_t>(token & 0xffff);
  if (index >= slots_.size()) {
    return nullptr;
  }
  Slot& slot = slots_[index];
  return slot.phase == Phase::Awaiting && slot.socket == socket && token_of(slot) == token ? &slot : nullptr;
}

// For replies without a token, and ICMP errors that quote too little: by who
// was asked. Rare, so each is looked at.
Slot* Worker::slot_of_peer(const IpAddress& address, std::uint16_t port, std::uint32_t socket) noexcept {
  for (Slot& slot : slots_) {
    if (slot.phase == Phase::Awaiting && slot.socket == socket && slot.to == address &&
        slot.to_port == port) {
      return &slot;
    }
  }
  return nullptr;
}

void Worker::add_to_batch(Slot& slot) noexcept {
  if (batch_ == nullptr) {
    batch_ = std::make_unique<Batch>();
  }
  if (batch_->size == Batch::kSize || (batch_->size > 0 && batch_->socket != slot.socket)) {
    flush();
  }
  Batch& batch = *batch_;
  const Probe& probe = *slot.result.probe;
  const DatagramSocket& socket = *sockets_[slot.socket];
  const std::size_t at = batch.size++;
  batch.socket = slot.socket;
  batch.slots[at] = index_of(slot);
  std::size_t size = protocol::kUdpProbeSize;
  const bool udp = probe.protocol == ProbeProtocol::Udp;
  if (udp) {
    protocol::encode_udp_probe(token_of(slot), batch.out_bytes[at]);
  } else {
    const protocol::IcmpEcho echo{socket.identifier, static_cast<std::uint16_t>(index_of(slot)),
                                  token_of(slot)};
    const auto bytes = protocol::encode_icmp_echo(socket.family, echo);
    std::memcpy(batch.out_bytes[at].data(), bytes.data(), bytes.size());
    size = bytes.size();
  }
  batch.out_parts[at] = {batch.out_bytes[at].data(), size};
  msghdr& header = batch.out[at].msg_hdr;
  header = {};
  header.msg_name = &batch.to[at];
  // A raw ICMPv6 socket takes the port for a protocol number: it must be 0.
  header.msg_namelen = slot.to.to_sockaddr(udp ? slot.to_port : 0, batch.to[at]);
  header.msg_iov = &batch.out_parts[at];
  header.msg_iovlen = 1;
}

// Sends what waits in the batch, lets the built-in server answer, and takes what came back at once.
void Worker::flush() noexcept {
  if (batch_ == nullptr || batch_->size == 0) {
    return;
  }
  const std::uint32_t index = batch_->socket;
  DatagramSocket& socket = *sockets_[index];
  ++socket.users;  // keeps it open while its probes end
  const Time now = steady_clock::now();
  for (std::size_t i = 0; i < batch_->size; ++i) {
    Slot& slot = slots_[batch_->slots[i]];
    slot.phase = Phase::Awaiting;
    slot.began = now;
    if (!slot.goes_on) {
      slot.deadline = now + slot.result.probe->timeout;
    }
    set_timer(slot, slot.deadline);
  }
  send_batch(socket);
  if (socket.protocol == ProbeProtocol::Udp && server_ != nullptr) {
    serve_batch();
  }
  batch_->size = 0;
  receive(socket, index);
  if (--socket.users == 0 && index != last_socket_) {
    close_socket(index);
  }
}

void Worker::send_batch(DatagramSocket& socket) noexcept {
  Batch& batch = *batch_;
  for (std::size_t at = 0; at < batch.size;) {
    const int sent =
        ::sendmmsg(socket.fd.get(), &batch.out[at], static_cast<unsigned>(batch.size - at), MSG_DONTWAIT);
    if (sent > 0) {
      at += static_cast<std::size_t>(sent);
      continue;
    }
    // The error may be that of an earlier datagram, told late; it is in the
    // queue as well. Asking again tells.
    take_errors(socket, batch.socket);
    take_so_error(socket.fd.get());
    if (::sendmsg(socket.fd.get(), &batch.out[at].msg_hdr, MSG_DONTWAIT) < 0) {
      send_failed(slots_[batch.slots[at]], errno);
    }
    ++at;
  }
}

void Worker::send_failed(Slot& slot, int errno_value) noexcept {
  if (slot.phase != Phase::Awaiting) {
    return;
  }
  describe_errno("send", errno_value, reason_);
  finish(slot, probes::outcome_of_errno(errno_value == EAGAIN ? ENOBUFS : errno_value));
}

// The datagrams have crossed the wire inside sendmmsg(2): the server's sockets are served here and now.
void Worker::serve_batch() noexcept {
  const Batch& batch = *batch_;
  for (std::size_t i = 0; i < batch.size; ++i) {
    const auto& listener = slots_[batch.slots[i]].listener;
    if (listener) {
      server_->serve_udp(*listener);
    }
  }
}

void Worker::on_socket(DatagramSocket& socket, std::uint32_t index, std::uint32_t events) noexcept {
  ++socket.users;
  if ((events & EPOLLERR) != 0) {
    take_errors(socket, index);
  }
  receive(socket, index);
  if (--socket.users == 0 && index != last_socket_) {
    close_socket(index);
  }
}

void Worker::receive(DatagramSocket& socket, std::uint32_t index) noexcept {
  if (batch_ == nullptr) {
    return;
  }
  // An error told here is in the queue too, and datagrams may be behind it: on, but not for ever.
  constexpr int kRounds = 64;
  Batch& batch = *batch_;
  int count = static_cast<int>(Batch::kSize);
  for (int round = 0;
       round < kRounds && (count == static_cast<int>(Batch::kSize) || (count < 0 && errno != EAGAIN));
       ++round) {
    for (std::size_t i = 0; i < Batch::kSize; ++i) {
      batch.in_parts[i] = {batch.in_bytes[i].data(), Batch::kLongest};
      batch.in[i].msg_hdr = {};
      batch.in[i].msg_hdr.msg_name = &batch.from[i];
      batch.in[i].msg_hdr.msg_namelen = sizeof batch.from[i];
      batch.in[i].msg_hdr.msg_iov = &batch.in_parts[i];
      batch.in[i].msg_hdr.msg_iovlen = 1;
    }
    count = ::recvmmsg(socket.fd.get(), batch.in.data(), Batch::kSize, MSG_DONTWAIT, nullptr);
    for (int i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const std::size_t size = batch.in[at].msg_len;
      if (socket.protocol == ProbeProtocol::Udp) {
        take_udp(index, {batch.in_bytes[at].data(), size}, batch.from[at]);
      } else {
        take_icmp(socket, index, {reinterpret_cast<const std::uint8_t*>(batch.in_bytes[at].data()), size},
                  batch.from[at]);
      }
    }
  }
}

void Worker::take_udp(std::uint32_t index, std::string_view datagram, const sockaddr_storage& from) noexcept {
  const protocol::UdpReply reply = protocol::parse_udp_reply(datagram);
  const auto sender = IpAddress::from_sockaddr(from);
  if (!sender) {
    return;
  }
  const std::uint16_t port = port_of(from);
  Slot* slot = reply.token ? slot_of_token(*reply.token, index) : slot_of_peer(*sender, port, index);
  if (slot == nullptr) {
    return;
  }
  slot->up = steady_clock::now();
  if (reply.identity) {
    answered(*slot, reply.identity->backend, reply.identity->source, reply.identity->source_port);
  }
  if (*sender != slot->to || port != slot->to_port) {
    // A connected socket would never have seen it: some translation on the way back is missing.
    reason_ = "the reply came from " + to_string(*sender, port);
    finish(*slot, Outcome::WrongAnswer);
    return;
  }
  finish(*slot, Outcome::Ok);
}

void Worker::take_icmp(const DatagramSocket& socket, std::uint32_t index,
                       std::span<const std::uint8_t> packet, const sockaddr_storage& from) noexcept {
  const auto message = protocol::parse_icmp(socket.family, packet);
  if (!message || message->identifier != socket.identifier || message->sequence >= slots_.size()) {
    return;
  }
  Slot& slot = slots_[message->sequence];
  // A router that quotes only eight bytes leaves the token out.
  if (slot.phase != Phase::Awaiting || slot.socket != index ||
      (message->token && *message->token != token_of(slot))) {
    return;
  }
  slot.up = steady_clock::now();
  const auto sender = IpAddress::from_sockaddr(from);
  if (message->outcome != Outcome::Ok) {
    describe_icmp(message->outcome, socket.family, message->type, message->code, sender, reason_);
    finish(slot, message->outcome);
  } else if (sender && *sender != slot.to) {
    reason_ = "the reply came from " + to_string(*sender);
    finish(slot, Outcome::WrongAnswer);
  } else {
    finish(slot, Outcome::Ok);
  }
}

// Errors that came back for datagrams sent before.
void Worker::take_errors(DatagramSocket& socket, std::uint32_t index) noexcept {
  QueuedError queued;
  while (take_error(socket.fd.get(), queued)) {
    if (queued.outcome == Outcome::Inconclusive) {
      continue;
    }
    const auto quoted = protocol::parse_udp_reply({queued.payload.data(), queued.payload_size});
    const auto destination = IpAddress::from_sockaddr(queued.destination);
    Slot* slot = nullptr;
    if (quoted.token) {
      slot = slot_of_token(*quoted.token, index);
    } else if (destination) {
      slot = slot_of_peer(*destination, port_of(queued.destination), index);
    }
    if (slot != nullptr) {
      describe("send", queued, reason_);
      finish(*slot, queued.outcome);
    }
  }
}

}  // namespace labctl::engine
