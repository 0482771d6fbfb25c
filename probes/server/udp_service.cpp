// The UDP half of the listener table: datagrams in, answers out, in batches, on whichever thread asks.

#include "probes/server/listener_table.hpp"
#include "probes/server/text_protocol.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace labctl::server {
namespace {

constexpr std::size_t kBatch = 32;
constexpr int kBatches = 8;
constexpr std::size_t kMaxDatagram = 2048;  // as agnhost reads; the rest of a longer one is cut off

// One a thread, so that answering needs no memory of its own.
struct Batch {
  std::array<mmsghdr, kBatch> messages;
  std::array<iovec, kBatch> parts;
  std::array<sockaddr_storage, kBatch> peers;
  std::array<std::array<char, kMaxDatagram>, kBatch> bytes;
  alignas(cmsghdr) std::array<std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))>, kBatch> control;
};

void prepare_to_receive(Batch& batch, std::size_t i) noexcept {
  batch.parts[i] = {batch.bytes[i].data(), kMaxDatagram};
  msghdr& header = batch.messages[i].msg_hdr;
  header = {};
  header.msg_name = &batch.peers[i];
  header.msg_namelen = sizeof batch.peers[i];
  header.msg_iov = &batch.parts[i];
  header.msg_iovlen = 1;
  header.msg_control = batch.control[i].data();
  header.msg_controllen = batch.control[i].size();
}

// Turns "it came to this address" into "send from this address": the same
// message, but any device may carry it.
void forget_device(msghdr& header) noexcept {
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
      reinterpret_cast<in_pktinfo*>(CMSG_DATA(item))->ipi_ifindex = 0;
    } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
      auto* info = reinterpret_cast<in6_pktinfo*>(CMSG_DATA(item));
      if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr)) {
        info->ipi6_ifindex = 0;
      }
    }
  }
}

// Makes message i the answer to itself; false if nothing is to be sent.
bool make_answer(Batch& batch, std::size_t i, const TextService& service) noexcept {
  const auto client = IpAddress::from_sockaddr(batch.peers[i]);
  if (!client) {
    return false;
  }
  std::array<char, kMaxDatagram> answer;
  const std::string_view request(batch.bytes[i].data(), batch.messages[i].msg_len);
  const std::size_t length = answer_text(service, request, *client, port_of(batch.peers[i]), answer);
  if (length == 0) {
    return false;
  }
  std::memcpy(batch.bytes[i].data(), answer.data(), length);
  batch.parts[i].iov_len = length;
  forget_device(batch.messages[i].msg_hdr);
  batch.messages[i].msg_hdr.msg_flags = 0;
  return true;
}

}  // namespace

int ListenerTable::serve_udp(ListenerId id) noexcept {
  Slot* slot = find_slot(id);
  if (slot == nullptr) {
    return 0;
  }
  thread_local Batch batch;
  const std::lock_guard lock(slot->mutex);
  if (slot->generation != id.generation || slot->fd < 0) {
    return 0;
  }
  const Endpoint& endpoint = slot->owner.served();
  if (endpoint.protocol != model::Protocol::Udp) {
    return 0;
  }
  const TextService service{slot->owner.facts->id, slot->owner.facts->hostname, endpoint.service,
                            endpoint.text};
  int answered = 0;
  for (int round = 0; round < kBatches; ++round) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      prepare_to_receive(batch, i);
    }
    const int received = ::recvmmsg(slot->fd, batch.messages.data(), kBatch, MSG_DONTWAIT, nullptr);
    std::size_t answers = 0;
    for (int i = 0; i < received; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (make_answer(batch, at, service)) {
        batch.messages[answers++] = batch.messages[at];
      }
    }
    for (std::size_t sent = 0; sent < answers;) {
      const int count = ::sendmmsg(slot->fd, batch.messages.data() + sent,
                                   static_cast<unsigned>(answers - sent), MSG_DONTWAIT);
      // What cannot be sent (no route back, a full queue) is lost, as datagrams
      // are; the rest is still answered.
      answered += count > 0 ? count : 0;
      sent += count > 0 ? static_cast<std::size_t>(count) : 1;
    }
    if (received < static_cast<int>(kBatch)) {
      break;
    }
  }
  return answered;
}

}  // namespace labctl::server
