#pragma once

// What a probe asks the lab and what that answers: the one contract of those who ask (commands, scenario), of
// who probes (probing) and of who prints (report).
//
// On the control socket a probe is one JSON object a line, each answered by a line, in any order
// (POST /lab/v1/probes).
//
// Pure. Requests are read typed and within their bounds: what one has wrong is told with the path of the
// field, all of it together, as Error InvalidInput. Of an answer the lab is the author: one that cannot be
// read is Error Internal, and fields it has besides are left out.

#include "probes/outcome/outcome.hpp"
#include "probes/outcome/outcome_counts.hpp"
#include "probes/protocol/dns.hpp"
#include "probes/protocol/probe_protocol.hpp"
#include "topology/base/ip_address.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::api {

// {"id","from","to","proto","timeout_ms","count","source_port","percentiles","whole_body","retry_within_ms",
// "expect",
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
  // How to ask, and what, unless `to` says it.
  struct Dns {
    std::string name;
    std::optional<std::string> type;
    std::string server;  // empty: those of the place's resolver
    bool tcp = false;
    bool recurse = true;
    bool edns = true;
  };
  nlohmann::json id;  // null: none
  std::string from;
  std::string to;  // empty: dns says what is asked for
  std::optional<protocol::ProbeProtocol> protocol;
  std::chrono::milliseconds timeout{1000};
  std::uint32_t count = 1;
  bool percentiles = false;
  bool whole_body = false;  // of an HTTP reply, as much as may be kept, and not only its beginning
  std::uint16_t source_port = 0;
  std::chrono::milliseconds retry_within{0};
  probes::Outcome expect = probes::Outcome::Ok;  // to try again for
  std::optional<Http> http;
  std::optional<Dns> dns;

  // As parse_target() takes it: `to`, else "dns:NAME/TYPE" and whom to ask.
  std::string target() const;
  // What dns says.
  protocol::DnsQuestion question() const;
};

// `path` is put before the names of fields.
ProbeRequest parse_probe(const nlohmann::json& body, const std::string& path = {});
nlohmann::json to_json(const ProbeRequest& request);

// {"id","outcome","tries","backend","source","rtt_us","rtt_percentiles_us":{"p50","p90","p99","max"},
// "rtt_us_min","rtt_us_max","outcomes":{outcome:count},"responses":{backend:count},"status","body",
// "body_size","headers":{},"dns":{...},"reason"}; of a probe that could not be made {"id","outcome","error","hint"}.
struct ProbeResult {
  // Of several tries.
  struct Spread {
    std::uint32_t rtt_us_min = 0;
    std::uint32_t rtt_us_max = 0;
    probes::OutcomeCounts outcomes;
  };
  struct Http {
    int status = 0;
    std::string body;
    std::map<std::string, std::string> headers{};
    std::uint64_t body_size = 0;  // of all that came, where `body` is only its beginning; else 0
  };
  // One question, and what came of it.
  struct Query {
    std::string name;
    std::string type;
    std::string server;
    probes::Outcome outcome = probes::Outcome::Inconclusive;
    std::uint32_t rtt_us = 0;
    std::string rcode;  // empty: no reply
  };
  // {"server","rtt_us","tcp","rcode","flags","answer","authority","additional",
  // "queries":[{"name","type","server","outcome","rtt_us","rcode"}]}
  struct Dns {
    std::string server;
    std::uint32_t rtt_us = 0;
    bool tcp = false;
    std::string rcode;  // empty: no reply, and nothing of the next four
    std::vector<std::string> flags;
    std::vector<std::string> answer;
    std::vector<std::string> authority;
    std::vector<std::string> additional;
    std::vector<Query> queries;
  };
  nlohmann::json id;  // the request's; null: none
  // Of several tries ok if every one was, else the most frequent other outcome.
  probes::Outcome outcome = probes::Outcome::Inconclusive;
  std::string error;  // why no probe was made; empty: one was
  std::string hint;
  std::uint32_t tries = 0;
  std::string backend;                                      // who answered last; empty: not known
  std::optional<IpAddress> source;                          // the prober as that backend saw it
  std::uint32_t rtt_us = 0;                                 // 0: none was measured
  std::map<std::string, std::uint32_t> rtt_percentiles_us;  // p50, p90, p99, max; empty unless asked for
  std::optional<Spread> spread;
  std::map<std::string, std::uint64_t> responses;  // how often each backend answered
  std::optional<Http> http;
  std::optional<Dns> dns;
  std::string reason;  // why the outcome is not ok, or what is not known although it is
};

nlohmann::json to_json(const ProbeResult& result);
nlohmann::json to_json(const ProbeResult::Query& query);
ProbeResult parse_probe_result(const nlohmann::json& body);
// Of a line of the answer.
ProbeResult parse_probe_line(std::string_view line);

}  // namespace labctl::api
