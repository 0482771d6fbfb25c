#pragma once

// A small network to probe in: a client, a router and a server, each a network namespace.
//
//   client 10.0.1.2 ----- 10.0.1.1 router 10.0.2.1 ----- 10.0.2.2 server
//                                                                 10.0.2.3 ... as asked for
//
// What the router and the client do with other destinations, by routes of a kind of their own:
//
//   10.0.3.0/24  the router says "prohibited" (ICMP 3/13)
//   10.0.4.0/24  the router says "host unreachable" (ICMP 3/1)
//   10.0.5.0/24  the router drops in silence
//   10.0.6.0/24  the client's own kernel prohibits (EACCES)
//   10.0.7.0/24  the client's own kernel says unreachable (EHOSTUNREACH)

#include "probes/engine/engine.hpp"
#include "tests/support/addresses.hpp"
#include "topology/kernel/network_namespace.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace labctl::engine {

struct ThreeSpaces {
  // With `more` addresses at the server: 10.0.2.3 and up.
  explicit ThreeSpaces(int more = 0);

  kernel::NetworkNamespace client_space;
  kernel::NetworkNamespace router_space;
  kernel::NetworkNamespace server_space;
  Vantage client;  // "pod/default/client"
  Vantage server;  // "pod/default/server"

  // A TCP probe from the client.
  Probe probe(const char* address, std::uint16_t port) const;
};

// A copy of a result that stays.
struct Found {
  std::size_t index = 0;
  probes::Outcome outcome = probes::Outcome::Inconclusive;
  std::uint32_t tries = 0;
  std::string backend;
  std::string source;
  std::uint16_t source_port = 0;
  std::uint32_t rtt_us_min = 0;
  std::uint32_t rtt_us_max = 0;
  std::vector<std::pair<std::string, std::uint32_t>> responses;
  protocol::HttpResponse http;
  protocol::DnsReply dns;
  std::vector<DnsQuery> dns_queries;
  IpAddress address;
  std::string reason;
  probes::OutcomeCounts outcomes;
};

// Results in the order of the probes; fails the test unless each has exactly one.
std::vector<Found> run_all(const Engine& engine, const std::vector<Probe>& probes,
                           const Cancel* cancel = nullptr);
Found run_one(const Engine& engine, const Probe& probe);

// How many descriptors this process has open.
std::size_t open_descriptors();

}  // namespace labctl::engine
