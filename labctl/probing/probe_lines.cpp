#include "labctl/probing/probe_lines.hpp"

#include "labctl/api/json_line.hpp"
#include "labctl/api/request_reader.hpp"
#include "labctl/probing/resolve_probe.hpp"
#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <vector>

namespace labctl::probing {
namespace {

using nlohmann::json;
using probes::Outcome;
using protocol::ProbeProtocol;

api::ProbeResult error_result(const json& id, const Error& error) {
  api::ProbeResult result;
  result.id = id;
  result.error = error.message();
  result.hint = error.hint();
  return result;
}

// Who answered: what the engine learnt, else whose address it is (an ordinary process in that pod).
std::string backend_of(const engine::Result& result, const VantageTable& table) {
  if (!result.backend.empty() || result.outcome != Outcome::Ok) {
    return result.backend;
  }
  return table.owner_of(result.address);
}

api::ProbeResult::Http reply_of(const protocol::HttpResponse& response) {
  const bool is_cut = response.body_size > response.body.size();
  api::ProbeResult::Http http{response.status, response.body, {}, is_cut ? response.body_size : 0};
  for (const auto& [name, value] : response.headers) {
    http.headers[name] = value;
  }
  return http;
}

std::string server_of(const engine::DnsQuery& query) {
  return query.port == engine::kDnsPort ? to_string(query.server) : to_string(query.server, query.port);
}

// The query whose outcome is the result's: the last of those, else the last of all.
const engine::DnsQuery& deciding_query(const engine::Result& result) {
  const auto found = std::find_if(
      result.dns_queries.rbegin(), result.dns_queries.rend(),
      [&](const auto& query) { return query.outcome == result.outcome && query.rcode == result.dns.rcode; });
  return found != result.dns_queries.rend() ? *found : result.dns_queries.back();
}

api::ProbeResult::Dns dns_of(const engine::Result& result) {
  const engine::DnsQuery& decided = deciding_query(result);
  return {server_of(decided),   decided.rtt_us,        decided.tcp,
          result.dns.rcode,     result.dns.flags,      result.dns.answer,
          result.dns.authority, result.dns.additional, queries_of(result)};
}

// A place that lost its network during the probe has shown nothing of it. Empty: it has not.
std::string gone_place(const engine::Result& result, const VantageTable& table) {
  const Place* from = table.find(result.probe->from->id);
  return from->has_ended() && result.outcome != Outcome::Ok ? from->id + " ended while it was probed from"
                                                            : "";
}

api::ProbeResult result_of(const engine::Result& found, const VantageTable& table, const json& id) {
  const std::string gone = gone_place(found, table);
  api::ProbeResult result;
  result.id = id;
  result.outcome = gone.empty() ? found.outcome : Outcome::Inconclusive;
  result.tries = found.tries;
  result.backend = backend_of(found, table);
  result.source = found.source;
  result.rtt_us = found.rtt_us_avg;
  if (!found.rtts_us.empty()) {
    result.rtt_percentiles_us = {{"p50", found.rtt_percentile_us(50)},
                                 {"p90", found.rtt_percentile_us(90)},
                                 {"p99", found.rtt_percentile_us(99)},
                                 {"max", found.rtt_us_max}};
  }
  if (found.probe->count > 1) {
    result.spread = api::ProbeResult::Spread{found.rtt_us_min, found.rtt_us_max, found.outcomes};
  }
  for (const engine::ResponseTally::Entry& entry : found.responses.entries()) {
    result.responses[entry.backend] = entry.count;
  }
  if (found.probe->protocol == ProbeProtocol::Http && found.http.status != 0) {
    result.http = reply_of(found.http);
  }
  if (!found.dns_queries.empty()) {
    result.dns = dns_of(found);
  }
  result.reason = gone.empty() ? found.reason : gone;
  return result;
}

std::string line_of(const api::ProbeResult& result) { return api::json_line(to_json(result)) + "\n"; }

// Reads one line into `probe` and its id. Returns an answer instead when it is no good.
std::optional<api::ProbeResult> read_line(std::string_view line, const std::string& path,
                                          const VantageTable& table, json& id, engine::Probe& probe) {
  json body;
  try {
    body = api::parse_json(line, path.empty() ? "probe" : path);
  } catch (const Error& error) {
    return error_result(nullptr, error);
  }
  if (!body.is_object()) {
    return error_result(nullptr, Error(ErrorKind::InvalidInput, "a probe is one JSON object a line",
                                       R"(such as {"id":1,"from":"pod/default/a","to":"pod/default/b:80"})"));
  }
  id = body.value("id", json());
  try {
    probe = resolve_probe(api::parse_probe(body, path), table);
  } catch (const Error& error) {
    return error_result(id, error);
  }
  return std::nullopt;
}

template <typename Use>
void for_each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
      use(line);
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

}  // namespace

std::vector<api::ProbeResult::Query> queries_of(const engine::Result& result) {
  std::vector<api::ProbeResult::Query> queries;
  for (const engine::DnsQuery& query : result.dns_queries) {
    queries.push_back({query.name, query.type, server_of(query), query.outcome, query.rtt_us, query.rcode});
  }
  return queries;
}

std::string run_probe_lines(const engine::Engine& engine, const VantageTable& table, std::string_view lines,
                            const Cancel* gone) {
  std::string answers;
  std::vector<engine::Probe> probes;
  std::vector<json> ids;
  // Of several, which one a mistake is in.
  const bool are_several = lines.find('\n') < lines.find_last_not_of(" \t\r\n");
  std::size_t count = 0;
  for_each_line(lines, [&](std::string_view line) {
    throw_if_requested(gone);
    json id;
    engine::Probe probe;
    const std::string path = are_several ? "probes[" + std::to_string(count) + "]" : "";
    ++count;
    if (const auto answer = read_line(line, path, table, id, probe)) {
      answers += line_of(*answer);
      return;
    }
    probes.push_back(std::move(probe));
    ids.push_back(std::move(id));
  });
  engine.run(
      probes,
      [&](const engine::Result& result) {
        throw_if_requested(gone);  // ends the run: what is left need not be told to anybody
        answers += line_of(result_of(result, table, ids[result.index]));
      },
      gone);
  return answers;
}

}  // namespace labctl::probing
