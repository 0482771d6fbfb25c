#pragma once

// TCP as it is on the wire: one connection that lasts, and single segments seen and sent beside it.

#include "probes/engine/probe.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/base/unique_fd.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace labctl {

// A connection to the built-in server that is kept open.
class Conversation {
 public:
  Conversation(const engine::Vantage& from, const IpAddress& to, std::uint16_t port);
  // Asks for it over the connection; what went wrong if there is no answer.
  std::string hostname();
  // Of connect(2); 0: connected.
  int error() const { return error_; }

 private:
  UniqueFd socket_;
  std::string host_;
  int error_ = 0;
};

struct Segment {
  IpAddress source;
  IpAddress destination;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t sequence = 0;
  std::uint32_t ack = 0;
};

// Sees the segments that reach a namespace, and sends segments of its own making: raw(7).
class SegmentTap {
 public:
  explicit SegmentTap(const engine::Vantage& where);
  void clear() const;
  // The latest one from an address; all zero if there was none. Takes all that have come.
  Segment last_from(const IpAddress& source) const;
  // Among those taken so far or come since.
  bool has_from(const IpAddress& source) const;
  // A pure ACK.
  void send(const Segment& segment) const;

 private:
  void take() const;
  UniqueFd socket_;
  Family family_;
  mutable std::vector<Segment> seen_;
};

}  // namespace labctl
