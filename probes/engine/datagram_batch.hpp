#pragma once

// Room for datagrams that are sent or received with one system call, sendmmsg(2) and recvmmsg(2). Plain state
// of a Worker; nothing for others.

#include "probes/engine/worker.hpp"
#include "probes/protocol/udp.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace labctl::engine {

struct Worker::Batch {
  // More gains nothing measurable, and a server's socket buffer of the default size holds twice as many.
  static constexpr std::size_t kSize = 128;
  // A pod's id is at most some 320 bytes long, an ICMP error quotes at most 576.
  static constexpr std::size_t kLongest = 1024;

  std::uint32_t socket = Slot::kNoSocket;  // index of the socket that the waiting datagrams are for
  std::size_t size = 0;
  std::array<std::uint32_t, kSize> slots{};
  std::array<mmsghdr, kSize> out{};
  std::array<iovec, kSize> out_parts{};
  std::array<sockaddr_storage, kSize> to{};
  std::array<std::array<char, protocol::kUdpProbeSize>, kSize> out_bytes{};

  std::array<mmsghdr, kSize> in{};
  std::array<iovec, kSize> in_parts{};
  std::array<sockaddr_storage, kSize> from{};
  std::array<std::array<char, kLongest>, kSize> in_bytes{};
};

}  // namespace labctl::engine
