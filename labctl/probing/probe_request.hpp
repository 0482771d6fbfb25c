#pragma once

// One probe as a client asks for it: what it says, read and bounded, and then what the engine takes: targets
// resolved to addresses, defaults filled in.

#include "labctl/probing/vantage_table.hpp"
#include "probes/engine/probe.hpp"
#include "probes/protocol/target.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace labctl::probing {

// {"id","from","to","proto","timeout_ms","count","source_port","percentiles","retry_within_ms","expect",
// "http":{"method","path","host","body","status","headers"},
// "dns":{"name","type","server","tcp","recurse","edns"}}
struct ProbeRequest {
  struct Http {
    std::optional<std::string> method;
    std::optional<std::string> path;
    std::optional<std::string> host;
    std::string body;
    int status = 0;  // expected; 0: any
    std::vector<std::pair<std::string, std::string>> headers;
  };
  nlohmann::json id;  // null: none
  std::string from;
  std::string to;  // as parse_target() takes it
  std::optional<protocol::ProbeProtocol> protocol;
  std::chrono::milliseconds timeout{1000};
  std::uint32_t count = 1;
  bool percentiles = false;
  std::uint16_t source_port = 0;
  std::chrono::milliseconds retry_within{0};
  probes::Outcome expect = probes::Outcome::Ok;
  std::optional<Http> http;
  protocol::DnsQuestion question;  // how to ask, and what unless `to` says it
};

// `path` is put before the names of fields. Throws Error InvalidInput that names every field that is no good.
ProbeRequest parse_probe(const nlohmann::json& body, const std::string& path = {});

// Throws Error: InvalidInput (a bad target), NotFound (no such place), Unsupported.
engine::Probe resolve_probe(const ProbeRequest& request, const VantageTable& table);

// The first declared port of that protocol; nothing if there is none.
std::optional<std::uint16_t> declared_port(const Place& place, protocol::ProbeProtocol protocol);

}  // namespace labctl::probing
