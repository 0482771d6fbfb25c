#include "labctl/probing/probe_lines.hpp"

#include "labctl/api/request_reader.hpp"
#include "labctl/probing/probe_request.hpp"
#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

namespace labctl::probing {
namespace {

using nlohmann::json;
using probes::Outcome;
using protocol::ProbeProtocol;

std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

json error_line(const json& id, const Error& error) {
  json line{{"outcome", probes::to_string(Outcome::Inconclusive)}, {"error", error.message()}};
  if (!id.is_null()) {
    line["id"] = id;
  }
  if (!error.hint().empty()) {
    line["hint"] = error.hint();
  }
  return line;
}

// Who answered: what the engine learnt, else whose address it is (an ordinary process in that pod).
std::string backend_of(const engine::Result& result, const VantageTable& table) {
  if (!result.backend.empty() || result.outcome != Outcome::Ok) {
    return result.backend;
  }
  return table.owner_of(result.address);
}

void add_http(json& line, const protocol::HttpResponse& http) {
  line["status"] = http.status;
  line["body"] = http.body;
  json headers = json::object();
  for (const auto& [name, value] : http.headers) {
    headers[name] = value;
  }
  line["headers"] = std::move(headers);
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

json dns_of(const engine::Result& result) {
  const engine::DnsQuery& decided = deciding_query(result);
  json dns{{"server", server_of(decided)}, {"rtt_us", decided.rtt_us}};
  if (decided.tcp) {
    dns["tcp"] = true;
  }
  if (!result.dns.rcode.empty()) {
    dns["rcode"] = result.dns.rcode;
    dns["flags"] = result.dns.flags;
    dns["answer"] = result.dns.answer;
    dns["authority"] = result.dns.authority;
    dns["additional"] = result.dns.additional;
  }
  dns["queries"] = queries_of(result);
  return dns;
}

bool has_ended(const Place& place) { return place.has_gone != nullptr && *place.has_gone; }

// A place that lost its network during the probe has shown nothing of it. Empty: it has not.
std::string gone_place(const engine::Result& result, const VantageTable& table) {
  const Place* from = table.find(result.probe->from->id);
  return has_ended(*from) && result.outcome != Outcome::Ok ? from->id + " ended while it was probed from"
                                                           : "";
}

json result_line(const engine::Result& result, const VantageTable& table, const json& id) {
  const std::string gone = gone_place(result, table);
  const Outcome outcome = gone.empty() ? result.outcome : Outcome::Inconclusive;
  json line{{"outcome", probes::to_string(outcome)}, {"tries", result.tries}};
  if (!id.is_null()) {
    line["id"] = id;
  }
  if (const std::string backend = backend_of(result, table); !backend.empty()) {
    line["backend"] = backend;
  }
  if (result.source) {
    line["source"] = to_string(*result.source);
  }
  if (result.rtt_us_avg != 0) {
    line["rtt_us"] = result.rtt_us_avg;
  }
  if (!result.rtts_us.empty()) {
    line["rtt_percentiles_us"] = {{"p50", result.rtt_percentile_us(50)},
                                  {"p90", result.rtt_percentile_us(90)},
                                  {"p99", result.rtt_percentile_us(99)},
                                  {"max", result.rtt_us_max}};
  }
  if (result.probe->count > 1) {
    line["rtt_us_min"] = result.rtt_us_min;
    line["rtt_us_max"] = result.rtt_us_max;
    json outcomes = json::object();
    for (const Outcome outcome : probes::kOutcomes) {
      if (result.outcomes[outcome] > 0) {
        outcomes[std::string(probes::to_string(outcome))] = result.outcomes[outcome];
      }
    }
    line["outcomes"] = std::move(outcomes);
  }
  json responses = json::object();
  for (const engine::ResponseTally::Entry& entry : result.responses.entries()) {
    responses[entry.backend] = entry.count;
  }
  if (!responses.empty()) {
    line["responses"] = std::move(responses);
  }
  if (result.probe->protocol == ProbeProtocol::Http && result.http.status != 0) {
    add_http(line, result.http);
  }
  if (!result.dns_queries.empty()) {
    line["dns"] = dns_of(result);
  }
  if (!gone.empty() || !result.reason.empty()) {
    line["reason"] = gone.empty() ? result.reason : gone;
  }
  return line;
}

// Reads one line into `probe`. Returns its id, or an answer instead when it is no good.
std::optional<json> read_line(std::string_view line, const std::string& path, const VantageTable& table,
                              json& id, engine::Probe& probe) {
  json body;
  try {
    body = api::parse_json(line, path.empty() ? "probe" : path);
  } catch (const Error& error) {
    return error_line(nullptr, error);
  }
  if (!body.is_object()) {
    return error_line(nullptr, Error(ErrorKind::InvalidInput, "a probe is one JSON object a line",
                                     R"(such as {"id":1,"from":"pod/default/a","to":"pod/default/b:80"})"));
  }
  id = body.value("id", json());
  try {
    probe = resolve_probe(parse_probe(body, path), table);
  } catch (const Error& error) {
    return error_line(id, error);
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

json queries_of(const engine::Result& result) {
  json queries = json::array();
  for (const engine::DnsQuery& query : result.dns_queries) {
    json one{{"name", query.name},
             {"type", query.type},
             {"server", server_of(query)},
             {"outcome", probes::to_string(query.outcome)},
             {"rtt_us", query.rtt_us}};
    if (!query.rcode.empty()) {
      one["rcode"] = query.rcode;
    }
    queries.push_back(std::move(one));
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
      answers += dump(*answer) + "\n";
      return;
    }
    probes.push_back(std::move(probe));
    ids.push_back(std::move(id));
  });
  engine.run(
      probes,
      [&](const engine::Result& result) {
        throw_if_requested(gone);  // ends the run: what is left need not be told to anybody
        answers += dump(result_line(result, table, ids[result.index])) + "\n";
      },
      gone);
  return answers;
}

namespace {

// Of a matrix that is larger, some rows at a time: a probe takes some hundred bytes.
constexpr std::size_t kProbesAtOnce = std::size_t{1} << 18;

struct MatrixPlan {
  std::vector<const Place*> sources;
  std::vector<const Place*> destinations;
  engine::Probe like;
};

// Who asks and who is asked in cell i, row by row.
struct Pair {
  const Place& from;
  const Place& to;
};

Pair pair_of(const MatrixPlan& plan, std::size_t cell) {
  return {*plan.sources[cell / plan.destinations.size()],
          *plan.destinations[cell % plan.destinations.size()]};
}

// What should be: everything inside the cluster reaches every pod; from outside there is no way to a pod's
// own address (network model §1), but to one on its node's network.
Outcome wanted_outcome(const Place& from, const Place& to) {
  return from.kind == PlaceKind::Outside && !to.on_host_network ? Outcome::Unreachable : Outcome::Ok;
}

std::vector<const Place*> chosen(const VantageTable& table, const std::vector<std::string>& ids,
                                 bool pods_only) {
  std::vector<const Place*> places;
  for (const std::string& id : ids) {
    table.vantage(id);  // throws with a hint when absent
    places.push_back(table.find(id));
  }
  if (!ids.empty()) {
    return places;
  }
  for (const VantageTable::PlacePtr& place : table.places()) {
    if ((!pods_only || place->kind == PlaceKind::Pod) && !place->is_labs_own) {
      places.push_back(place.get());
    }
  }
  return places;
}

// A probe for each family that both ends have; without one in common, to the first address there is.
void add_matrix_probes(std::vector<engine::Probe>& probes, const VantageTable& table, const MatrixPlan& plan,
                       std::size_t cell) {
  const auto& [from, to] = pair_of(plan, cell);
  engine::Probe probe = plan.like;
  probe.from = &table.vantage(from.id);
  probe.id = cell;
  if (probe.port == 0) {
    probe.port = declared_port(to, probe.protocol).value_or(0);
  }
  if (probe.port == 0) {
    probe.protocol = ProbeProtocol::Icmp;  // a pod that declares no port is asked for an echo
  }
  const std::size_t before = probes.size();
  for (const IpAddress& address : to.addresses) {
    const bool is_shared =
        std::any_of(from.addresses.begin(), from.addresses.end(),
                    [&](const IpAddress& own) { return own.family() == address.family(); });
    if (is_shared) {
      probe.address = address;
      probes.push_back(probe);
    }
  }
  if (probes.size() == before) {
    probe.address = to.addresses.empty() ? IpAddress() : to.addresses.front();
    probes.push_back(probe);
  }
}

MatrixPlan plan_matrix(const VantageTable& table, const api::MatrixRequest& request) {
  MatrixPlan plan;
  plan.like.protocol = request.protocol.value_or(ProbeProtocol::Tcp);
  plan.like.port = plan.like.protocol == ProbeProtocol::Icmp ? 0 : request.port;
  plan.like.timeout = request.timeout;
  plan.sources = chosen(table, request.from, false);
  plan.destinations = chosen(table, request.to, true);
  return plan;
}

// What came of a matrix: for each cell the outcome, of the families one that is not as wanted.
struct MatrixOutcomes {
  struct Failure {
    std::string backend;
    std::string reason;
  };
  std::vector<std::optional<Outcome>> seen;  // of the cells that are, or were, under way
  std::map<std::size_t, Failure> failures;   // by cell

  void take(const MatrixPlan& plan, const engine::Result& result);
};

void MatrixOutcomes::take(const MatrixPlan& plan, const engine::Result& result) {
  const std::size_t cell = result.probe->id;
  const auto& [from, to] = pair_of(plan, cell);
  const Outcome wanted = wanted_outcome(from, to);
  if (seen[cell] && *seen[cell] != wanted) {
    return;
  }
  // An answer counts only from the pod that was asked.
  const bool is_another = !result.backend.empty() && result.backend != to.id && !to.on_host_network;
  seen[cell] = is_another ? Outcome::WrongAnswer : result.outcome;
  if (*seen[cell] != wanted) {
    const Place* ended = has_ended(from) ? &from : has_ended(to) ? &to : nullptr;
    failures[cell] = {is_another ? result.backend : "",
                      ended != nullptr ? ended->id + " ended meanwhile" : result.reason};
  }
}

template <typename OutcomeOf>
std::string rows_text(const MatrixPlan& plan, std::size_t cells, const Cancel* gone, OutcomeOf outcome_of) {
  std::string text = "[";
  for (std::size_t i = 0; i < cells; ++i) {
    const bool is_first_of_row = i % plan.destinations.size() == 0;
    if (is_first_of_row) {
      throw_if_requested(gone);
    }
    text += !is_first_of_row ? "," : i == 0 ? "[" : "],[";
    text.append("\"").append(probes::to_string(outcome_of(i))).append("\"");
  }
  return text + (cells > 0 ? "]]" : "]");
}

json ids_of(const std::vector<const Place*>& places) {
  json ids = json::array();
  for (const Place* place : places) {
    ids.push_back(place->id);
  }
  return ids;
}

std::string matrix_text(const MatrixPlan& plan, const MatrixOutcomes& outcomes, double elapsed_ms,
                        const Cancel* gone) {
  const auto seen = [&](std::size_t cell) { return *outcomes.seen[cell]; };
  const auto wanted = [&](std::size_t cell) {
    const auto& [from, to] = pair_of(plan, cell);
    return wanted_outcome(from, to);
  };
  json failures = json::array();
  for (const auto& [cell, failure] : outcomes.failures) {
    throw_if_requested(gone);
    const auto& [from, to] = pair_of(plan, cell);
    failures.push_back({{"from", from.id},
                        {"to", to.id},
                        {"outcome", probes::to_string(seen(cell))},
                        {"wanted", probes::to_string(wanted(cell))},
                        {"backend", failure.backend},
                        {"reason", failure.reason}});
  }
  const std::size_t cells = outcomes.seen.size();
  std::string text = dump({{"sources", ids_of(plan.sources)},
                           {"destinations", ids_of(plan.destinations)},
                           {"ok", cells - outcomes.failures.size()},
                           {"total", cells},
                           {"failures", std::move(failures)},
                           {"elapsed_ms", elapsed_ms}});
  text.pop_back();  // the brace, for what is too much for JSON values
  text += ",\"rows\":" + rows_text(plan, cells, gone, seen);
  text += ",\"wanted\":" + rows_text(plan, cells, gone, wanted) + "}";
  return text;
}

}  // namespace

std::string run_matrix(const engine::Engine& engine, const VantageTable& table,
                       const api::MatrixRequest& request, const Cancel* gone) {
  const MatrixPlan plan = plan_matrix(table, request);
  const std::size_t cells = plan.sources.size() * plan.destinations.size();
  MatrixOutcomes outcomes;
  outcomes.seen.reserve(cells);
  const auto begin = std::chrono::steady_clock::now();
  std::vector<engine::Probe> probes;
  for (std::size_t cell = 0; cell < cells;) {
    probes.clear();
    for (; cell < cells && probes.size() < kProbesAtOnce; ++cell) {
      throw_if_requested(gone);
      add_matrix_probes(probes, table, plan, cell);
    }
    outcomes.seen.resize(cell);
    engine.run(
        probes,
        [&](const engine::Result& result) {
          throw_if_requested(gone);  // ends the run
          outcomes.take(plan, result);
        },
        gone);
  }
  const auto elapsed = std::chrono::steady_clock::now() - begin;
  return matrix_text(plan, outcomes, std::chrono::duration<double, std::milli>(elapsed).count(), gone);
}

}  // namespace labctl::probing
