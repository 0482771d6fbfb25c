#pragma once

// One question to the network: from where, to where, how, how often. Names are resolved already: an engine
// knows namespaces, addresses and ports only.

#include "probes/outcome/outcome.hpp"
#include "probes/protocol/dns.hpp"
#include "probes/protocol/http.hpp"
#include "probes/protocol/probe_protocol.hpp"
#include "topology/base/ip_address.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace labctl::engine {

// A place to probe from.
struct Vantage {
  std::string id;                    // "pod/default/a", "node/node-1", "outside/client"
  int netns_fd = -1;                 // borrowed, open during the run; -1: the namespace run() is called in
  std::vector<IpAddress> addresses;  // for reports; the kernel chooses the source of each probe
};

// Whether a TCP probe finds out who answered. The accept queues of the built-in server are looked into, which
// costs nothing on the wire; where that does not tell (a hop masqueraded), the connection itself is asked,
// with a few bytes.
enum class Identify : std::uint8_t {
  Auto,   // only if the built-in server listens on the very address and port
  Ask,    // also if something behind the address may be the built-in server, such as a Service's backends
  Never,  // the handshake is all
};

// What a stub resolver does with a name (resolver(5)): the candidates of the
// search list in order, and the servers.
struct DnsSearch {
  std::vector<protocol::DnsQuestion> candidates;
  std::vector<IpAddress> servers;  // on port 53
};

inline constexpr std::uint16_t kDnsPort = 53;

struct Probe {
  std::uint64_t id = 0;           // the caller's own; comes back in the result
  const Vantage* from = nullptr;  // borrowed for the run
  protocol::ProbeProtocol protocol = protocol::ProbeProtocol::Tcp;
  IpAddress address;
  std::uint16_t port = 0;         // not used by icmp
  std::uint16_t source_port = 0;  // 0: the kernel chooses
  // Of one try, everything included: handshake, question, reply.
  std::chrono::microseconds timeout = std::chrono::seconds(1);
  // Tries one after the other; 0 counts as 1.
  std::uint32_t count = 1;
  // Not zero: until the outcome is `expect`, the whole sequence is tried again, for at most this long. A try
  // begun in time is finished.
  std::chrono::microseconds retry_within{0};
  probes::Outcome expect = probes::Outcome::Ok;
  Identify identify = Identify::Auto;
  // Not empty: an answer of any other backend is wrong_answer, one of nobody known inconclusive. TCP and UDP.
  std::string expect_backend;
  bool keep_rtts = false;  // of each try, for percentiles
  bool tls = false;        // http over TLS: inconclusive, until it is spoken here
  // Shared, because one request or question usually serves many probes. Without one, http asks for "/".
  std::shared_ptr<const protocol::HttpRequest> http;
  std::shared_ptr<const protocol::DnsQuestion> dns;
  // The questions of a resolver in turn, as res_search(3) asks them. For dns instead of `dns`, `address` and
  // `port`; every other protocol goes to the first address of the answer, instead of `address`. Each try
  // begins with the first question at the first server. NXDOMAIN and NODATA lead to the next question,
  // anything else but an answer to the next server. All that is within the time of the try, of which each
  // server but the last is given an equal share of what is left.
  std::shared_ptr<const DnsSearch> dns_search;
};

}  // namespace labctl::engine
