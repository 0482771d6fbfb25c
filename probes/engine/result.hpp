#pragma once

// What a probe found. Results are handed to the caller by reference and used again for later probes, strings
// and all, so that a run of many thousands does not allocate for each: copy what is to stay.

#include "probes/engine/probe.hpp"
#include "probes/outcome/outcome.hpp"
#include "probes/outcome/outcome_counts.hpp"
#include "probes/protocol/dns.hpp"
#include "probes/protocol/http.hpp"
#include "topology/base/ip_address.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::engine {

// How often each backend answered, in the order of their first answers. Few
// backends: found by looking at each.
class ResponseTally {
 public:
  struct Entry {
    std::string backend;
    std::uint32_t count = 0;
  };
  void add(std::string_view backend);
  void clear() noexcept { size_ = 0; }
  std::span<const Entry> entries() const noexcept { return {entries_.data(), size_}; }

 private:
  std::vector<Entry> entries_;  // those from size_ on only keep their memory
  std::size_t size_ = 0;
};

// One question and what came of it.
struct DnsQuery {
  std::string name;
  std::string type;
  IpAddress server;
  std::uint16_t port = kDnsPort;
  bool tcp = false;   // from the start, or after a truncated reply
  std::string rcode;  // empty: no reply
  probes::Outcome outcome = probes::Outcome::Inconclusive;
  std::uint32_t rtt_us = 0;
};

struct Result {
  std::size_t index = 0;         // of the probe in the span given to run()
  const Probe* probe = nullptr;  // that very probe
  // Of all tries of the last sequence: ok if every one was, else the most frequent other outcome.
  probes::Outcome outcome = probes::Outcome::Inconclusive;
  probes::OutcomeCounts outcomes;   // of the last sequence
  std::uint32_t tries = 0;          // over all sequences
  IpAddress address;                // of the probe, or the one that its name stands for
  std::string backend;              // who answered last: "pod/default/web-0"; empty: not known
  std::optional<IpAddress> source;  // the prober as that backend saw it
  std::uint16_t source_port = 0;    // likewise; 0: not known
  std::uint32_t rtt_us_min =
      0;  // over the tries that were ok, 0 if none was: handshake of tcp and sctp, until
  std::uint32_t rtt_us_avg = 0;  // the reply of udp, icmp and dns, until the end of the reply of http
  std::uint32_t rtt_us_max = 0;
  std::vector<std::uint32_t> rtts_us;  // each of them, in order of time, when the probe keeps them
  ResponseTally responses;
  protocol::HttpResponse http;        // the last reply; status 0: there was none
  protocol::DnsReply dns;             // the last reply, of a search the deciding one; rcode empty: none
  std::vector<DnsQuery> dns_queries;  // of the last try, in order
  std::string reason;  // why the outcome is not ok, or what is not known although it is: the first seen

  // The smallest of rtts_us that `percent` of them do not exceed (nearest rank); 0 without any.
  std::uint32_t rtt_percentile_us(double percent) const;

  // Makes it the result of another probe; memory is kept.
  void begin(std::size_t new_index, const Probe& new_probe);
  // Forgets the tries of a sequence, but how many there were.
  void begin_sequence();
};

}  // namespace labctl::engine
