#include "labctl/probing/dns_lookup.hpp"

#include "labctl/probing/probe_lines.hpp"
#include "topology/base/error.hpp"
#include "topology/dns/zones.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

namespace labctl::probing {
namespace {

using nlohmann::json;
using probes::Outcome;

constexpr std::chrono::seconds kLookUpTimeout{3};

const engine::Vantage& first_node(const VantageTable& table) {
  for (const VantageTable::PlacePtr& place : table.places()) {
    if (place->kind == PlaceKind::Node) {
      return table.vantage(place->id);
    }
  }
  throw Error(ErrorKind::NotFound, "DNS: this lab has no node to ask from");
}

std::vector<engine::Probe> questions_about(const std::string& name, const Resolver& resolver,
                                           const engine::Vantage& from) {
  const auto address = IpAddress::parse(name);
  const std::vector<std::string> types = address
                                             ? std::vector<std::string>{"PTR"}
                                             : std::vector<std::string>{"A", "AAAA", "CNAME", "SRV", "TXT"};
  std::vector<engine::Probe> probes;
  for (const std::string& type : types) {
    auto search = std::make_shared<engine::DnsSearch>();
    search->servers = resolver.servers;
    search->candidates = candidates(address ? dns::reverse_name(*address) : name, type, resolver);
    engine::Probe probe;
    probe.from = &from;
    probe.protocol = protocol::ProbeProtocol::Dns;
    probe.timeout = kLookUpTimeout;
    probe.dns_search = std::move(search);
    probes.push_back(std::move(probe));
  }
  return probes;
}

// "web.shop.svc.cluster.local. 5 IN SRV 0 100 80 a.b." in its parts.
json parts_of(const std::string& record) {
  std::istringstream in(record);
  std::string name, ttl, record_class, type, data;
  in >> name >> ttl >> record_class >> type >> std::ws;
  std::getline(in, data);
  std::int64_t seconds = 0;
  std::from_chars(ttl.data(), ttl.data() + ttl.size(), seconds);
  return {{"name", name}, {"ttl", seconds}, {"type", type}, {"data", data}};
}

// Of answers without records: what went wrong says more than "there is none", and that more than "no such
// name".
int weight(Outcome outcome) {
  return outcome == Outcome::DnsNxdomain ? 1 : outcome == Outcome::DnsNodata ? 2 : 3;
}

// The answers to the questions, in their order.
struct Findings {
  std::vector<std::string> records;  // each once: the alias of a name is in the answer to every question
  json queries = json::array();
  std::optional<Outcome> outcome;
  std::string reason;
  std::string rcode;  // empty: no reply

  void add(const engine::Result& result) {
    for (const std::string& record : result.dns.answer) {
      if (std::find(records.begin(), records.end(), record) == records.end()) {
        records.push_back(record);
      }
    }
    for (const api::ProbeResult::Query& query : queries_of(result)) {
      queries.push_back(to_json(query));
    }
    const bool says_more =
        !outcome || (*outcome != Outcome::Ok &&
                     (result.outcome == Outcome::Ok || weight(result.outcome) > weight(*outcome)));
    if (says_more) {
      outcome = result.outcome;
      reason = result.reason;
      rcode = result.dns.rcode;
    }
  }
};

}  // namespace

json look_up_dns(const engine::Engine& engine, const VantageTable& table, const Resolver& cluster,
                 const std::string& ns, const std::string& name, const Cancel* gone) {
  protocol::DnsQuestion question;
  question.name = name;
  if (const std::string why = protocol::question_error(question); !why.empty() && !IpAddress::parse(name)) {
    throw Error(ErrorKind::InvalidInput, "DNS: " + why);
  }
  if (cluster.servers.empty()) {
    throw Error(ErrorKind::Unsupported, "DNS: this lab has no DNS server",
                "dns: {enabled: true} in the Cluster makes one");
  }
  const std::vector<engine::Probe> probes = questions_about(name, cluster, first_node(table));
  std::vector<engine::Result> results(probes.size());
  engine.run(
      probes, [&](const engine::Result& result) { results[result.index] = result; }, gone);
  throw_if_requested(gone);
  Findings found;
  for (const engine::Result& result : results) {
    found.add(result);
  }
  json records = json::array();
  for (const std::string& record : found.records) {
    records.push_back(parts_of(record));
  }
  json body{{"namespace", ns},
            {"name", name},
            {"outcome", probes::to_string(records.empty() ? *found.outcome : Outcome::Ok)},
            {"records", std::move(records)},
            {"queries", std::move(found.queries)}};
  if (body["records"].empty()) {
    body["reason"] = found.reason;
    if (!found.rcode.empty()) {
      body["rcode"] = found.rcode == "NOERROR" ? "NODATA" : found.rcode;
    }
  }
  return body;
}

}  // namespace labctl::probing
