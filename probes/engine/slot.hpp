#pragma once

// One probe in flight, and the socket that several datagram probes share. Plain
// state of a Worker; nothing for others.

#include "probes/engine/result.hpp"
#include "probes/protocol/dns.hpp"
#include "probes/protocol/http.hpp"
#include "probes/server/server.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/base/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace labctl::engine {

using Time = std::chrono::steady_clock::time_point;

enum class Phase : std::uint8_t {
  Idle,        // holds no probe
  Ready,       // in the queue of tries to begin
  Connecting,  // the handshake did not end inside connect(2)
  Claiming,    // up; the other end has not shown up in the accept queue yet
  Asking,      // up; asked over the connection who answers
  Exchanging,  // request sent, or part of it: http and dns
  Awaiting,    // a datagram is on its way
  Pausing,     // between two sequences of a probe with retry_within, or while descriptors are short
};

// What a conversation needs; made when a slot first has one, and then kept.
struct Exchange {
  std::string out;
  std::size_t out_sent = 0;
  protocol::HttpResponseParser parser;
  std::vector<std::uint8_t> in;  // dns over TCP
  std::uint16_t dns_id = 0;
  bool dns_over_tcp = false;
  Time dns_asked;  // the question in hand
  protocol::DnsReply dns_reply;
  // Of a search: which question at which server, and until when the try may take.
  std::size_t dns_candidate = 0;
  std::size_t dns_server = 0;
  bool has_nodata = false;  // some question was answered with NODATA: result.dns is that reply
  std::string nodata_reason;
  Time try_deadline;
};

// UDP or raw ICMP, unconnected, one for each vantage, family and source port. Closed when no probe uses it.
struct DatagramSocket {
  UniqueFd fd;
  const Vantage* vantage = nullptr;
  Family family = Family::IPv4;
  protocol::ProbeProtocol protocol = protocol::ProbeProtocol::Udp;
  std::uint16_t source_port = 0;
  std::uint16_t identifier = 0;  // of our echo requests
  bool is_own = false;           // of one try alone
  std::uint32_t users = 0;       // slots
};

struct Slot {
  static constexpr std::uint32_t kNoSocket = 0xffffffff;

  Result result;
  Phase phase = Phase::Idle;
  IpAddress to;  // where packets go: of the probe, of what its name stands for, or of a DNS server
  std::uint16_t to_port = 0;
  bool asks_dns = false;    // the conversation in hand is a DNS question
  bool is_polled = false;   // its descriptor is in the epoll set
  bool is_paced = false;    // counted at its destination: see Pace
  bool has_answer = false;  // this try learnt who answered
  bool is_claim_expected = false;
  bool goes_on = false;       // a second connection of the same try: its time runs on
  bool short_of_fds = false;  // this try has waited for descriptors before
  std::uint8_t claim_tries = 0;
  std::uint32_t generation = 0;  // changes with each try, so that late events and replies are known as such
  std::uint32_t done_in_sequence = 0;
  std::uint32_t socket = kNoSocket;  // index of a DatagramSocket
  UniqueFd fd;                       // of a stream, or of dns
  // Of the built-in server, on the very address and port that is probed.
  std::optional<server::ListenerId> listener;
  Time began;
  Time up;  // when the handshake was done
  Time deadline;
  Time retry_until;
  std::uint64_t rtt_us_sum = 0;
  std::unique_ptr<Exchange> exchange;
};

}  // namespace labctl::engine
