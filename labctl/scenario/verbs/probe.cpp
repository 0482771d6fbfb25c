#include "labctl/api/address_book.hpp"
#include "labctl/api/json_line.hpp"
#include "labctl/api/probe_expectation.hpp"
#include "labctl/scenario/verbs/verbs.hpp"
#include "topology/base/duration.hpp"

namespace labctl::scenario {
namespace {

using nlohmann::json;

// "A web.shop.svc.cluster.local: NXDOMAIN by 10.96.0.10", a line each.
std::string queries_of(const api::ProbeResult& result) {
  std::string text;
  if (result.dns) {
    for (const api::ProbeResult::Query& query : result.dns->queries) {
      text += "\n  " + query.type + " " + query.name + ": " +
              (query.rcode.empty() ? std::string(probes::to_string(query.outcome)) : query.rcode) + " by " +
              query.server;
    }
  }
  return text;
}

// "pod/default/a -> pod/default/b:80: ok, answered by pod/default/b, which saw 10.244.1.2, in 61 us".
std::string sentence_of(const api::ProbeRequest& request, const api::ProbeResult& result) {
  const std::string to = request.to.empty() && request.dns ? "dns:" + request.dns->name : request.to;
  std::string text = request.from + " -> " + to + ": " + std::string(probes::to_string(result.outcome));
  if (!result.backend.empty()) {
    text += ", answered by " + result.backend;
  }
  if (result.source) {
    text += ", which saw " + to_string(*result.source);
  }
  if (result.rtt_us != 0) {
    text += ", in " + std::to_string(result.rtt_us) + " us";
  }
  if (!result.reason.empty()) {
    text += " (" + result.reason + ")";
  }
  return text + queries_of(result);
}

}  // namespace

api::ProbeRequest probe_request(const json& value, std::int64_t timeout_ms) {
  json body{{"id", 1}, {"timeout_ms", milliseconds_of(value, "timeout", timeout_ms)}};
  for (const char* field : {"from", "to", "proto", "count", "http", "dns"}) {
    if (value.contains(field)) {
      body[field] = value[field];
    }
  }
  if (value.contains("sourcePort")) {
    body["source_port"] = value["sourcePort"];
  }
  return api::parse_probe(body);
}

std::int64_t milliseconds_of(const json& value, const char* field, std::int64_t otherwise) {
  const auto found = value.find(field);
  if (found == value.end() || !found->is_string()) {
    return otherwise;
  }
  const auto duration = parse_duration(found->get<std::string>());
  return duration ? std::chrono::duration_cast<std::chrono::milliseconds>(*duration).count() : otherwise;
}

Attempt do_probe(Context& context, const json& value) {
  const api::ProbeExpectation expect = api::parse_probe_expectation(value.value("expect", json::object()));
  api::ProbeRequest request = probe_request(value);
  expect.prepare(request);
  const api::ProbeResult result =
      api::parse_probe_line(context.lab.post("/lab/v1/probes", api::json_line(to_json(request))).body);
  api::AddressBook addresses;
  if (expect.needs_addresses()) {
    addresses = api::address_book(context.lab.get("/lab/v1/graph").json());
  }
  Attempt attempt = expect.judge(request.from, result, addresses);
  if (attempt.details.empty()) {
    attempt.details = sentence_of(request, result);
  }
  return attempt;
}

}  // namespace labctl::scenario
