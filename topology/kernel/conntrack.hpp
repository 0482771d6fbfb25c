#pragma once

// Tracked connections of one network namespace, by ctnetlink; see conntrack(8).
//
// A socket stays in the network namespace it was opened in and may be used by any thread, by one at a time.

#include "topology/base/ip_address.hpp"
#include "topology/base/unique_fd.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace labctl::kernel {

// A flow of a protocol with ports (TCP, UDP, SCTP), as its first packet was sent (`orig_`) and as answers
// come back (`reply_`): where its destination was translated, reply_src is who really answers.
struct Flow {
  Family family = Family::IPv4;
  std::uint8_t protocol = 0;  // IPPROTO_UDP, ...
  IpAddress orig_src;
  IpAddress orig_dst;
  std::uint16_t orig_sport = 0;  // ports in host order
  std::uint16_t orig_dport = 0;
  IpAddress reply_src;
  IpAddress reply_dst;
  std::uint16_t reply_sport = 0;
  std::uint16_t reply_dport = 0;
  std::uint16_t zone = 0;
  std::uint32_t id = 0;  // tells it from a later flow between the same ends
  bool seen_reply = false;
  bool is_assured = false;  // not dropped early when the table is full
  bool operator==(const Flow&) const = default;
};

class ConntrackSocket {
 public:
  // In the calling thread's network namespace. Throws Error.
  static ConntrackSocket open();

  // How many connections this namespace tracks now, of all families and protocols; about, while packets come.
  // The kernel has the number at hand, whereas to list() it walks the table of the whole host.
  std::uint32_t count();

  // The flows of one family and protocol. While the table changes, a flow may be missed
  // or told twice, as the kernel tells them.
  std::vector<Flow> list(Family family, std::uint8_t protocol);

  // Forgets the flow: its next packet is looked at as a first one. False if it is gone already, also if
  // another flow between the same ends has taken its place.
  bool erase(const Flow& flow);

 private:
  explicit ConntrackSocket(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
  std::uint32_t sequence_ = 0;
};

}  // namespace labctl::kernel
