#include "labctl/supervisor/probe_service.hpp"

#include "labctl/supervisor/probe_request.hpp"
#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <vector>

namespace labctl::supervisor {
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

json result_line(const engine::Result& result, const VantageTable& table, const json& id) {
  json line{{"outcome", probes::to_string(result.outcome)}, {"tries", result.tries}};
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
  if (!result.reason.empty()) {
    line["reason"] = result.reason;
  }
  return line;
}

// Reads one line into `probe`. Returns its id, or an answer instead when it is no good.
std::optional<json> read_line(std::string_view line, const VantageTable& table, json& id,
                              engine::Probe& probe) {
  const json request = json::parse(line, nullptr, false);
  if (!request.is_object()) {
    return error_line(nullptr, Error(ErrorKind::InvalidInput, "a probe is one JSON object a line",
                                     R"(such as {"id":1,"from":"pod/default/a","to":"pod/default/b:80"})"));
  }
  id = request.value("id", json());
  try {
    probe = probe_from_json(request, table);
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
                            const engine::Cancel* cancel) {
  std::string answers;
  std::vector<engine::Probe> probes;
  std::vector<json> ids;
  for_each_line(lines, [&](std::string_view line) {
    json id;
    engine::Probe probe;
    if (const auto answer = read_line(line, table, id, probe)) {
      answers += dump(*answer) + "\n";
      return;
    }
    probes.push_back(std::move(probe));
    ids.push_back(std::move(id));
  });
  engine.run(
      probes,
      [&](const engine::Result& result) {
        answers += dump(result_line(result, table, ids[result.index])) + "\n";
      },
      cancel);
  return answers;
}

namespace {

struct MatrixPlan {
  std::vector<const Place*> sources;
  std::vector<const Place*> destinations;
  std::vector<engine::Probe> probes;  // row by row
  std::vector<Outcome> wanted;
};

// What should be: everything inside the cluster reaches every pod; from outside there is no way to a pod's
// own address (network model §1), but to one on its node's network.
Outcome wanted_outcome(const Place& from, const Place& to) {
  return from.kind == PlaceKind::Outside && !to.on_host_network ? Outcome::Unreachable : Outcome::Ok;
}

std::vector<const Place*> chosen(const VantageTable& table, const json& request, const char* field,
                                 bool pods_only) {
  std::vector<const Place*> places;
  if (const auto ids = request.find(field); ids != request.end() && ids->is_array() && !ids->empty()) {
    for (const json& id : *ids) {
      table.vantage(id.get<std::string>());
      places.push_back(table.find(id.get<std::string>()));
    }
    return places;
  }
  for (const Place& place : table.places()) {
    if ((!pods_only || place.kind == PlaceKind::Pod) && !place.is_labs_own) {
      places.push_back(&place);
    }
  }
  return places;
}

// A probe for each family that both ends have; without one in common, to the first address there is.
void add_matrix_probes(MatrixPlan& plan, const VantageTable& table, const Place& from, const Place& to,
                       const engine::Probe& like) {
  engine::Probe probe = like;
  probe.from = &table.vantage(from.id);
  probe.id = plan.wanted.size();
  probe.port = like.port != 0 ? like.port : declared_port(to, like.protocol).value_or(0);
  if (probe.port == 0) {
    probe.protocol = ProbeProtocol::Icmp;  // a pod that declares no port is asked for an echo
  }
  const std::size_t before = plan.probes.size();
  for (const IpAddress& address : to.addresses) {
    const bool is_shared =
        std::any_of(from.addresses.begin(), from.addresses.end(),
                    [&](const IpAddress& own) { return own.family() == address.family(); });
    if (is_shared) {
      probe.address = address;
      plan.probes.push_back(probe);
    }
  }
  if (plan.probes.size() == before) {
    probe.address = to.addresses.empty() ? IpAddress() : to.addresses.front();
    plan.probes.push_back(probe);
  }
  plan.wanted.push_back(wanted_outcome(from, to));
}

MatrixPlan plan_matrix(const VantageTable& table, const json& request) {
  std::optional<ProbeProtocol> asked;
  if (const std::string proto = request.value("proto", ""); !proto.empty()) {
    asked = protocol::parse_probe_protocol(proto);
    if (!asked || *asked == ProbeProtocol::Dns || *asked == ProbeProtocol::Http) {
      throw Error(ErrorKind::InvalidInput,
                  "matrix: protocol \"" + proto + "\" is none of tcp, udp, sctp, icmp");
    }
  }
  engine::Probe like;
  like.protocol = asked.value_or(ProbeProtocol::Tcp);
  like.port = like.protocol == ProbeProtocol::Icmp ? 0 : static_cast<std::uint16_t>(request.value("port", 0));
  like.timeout = std::chrono::milliseconds(std::clamp(request.value("timeout_ms", 1000), 1, 600'000));
  MatrixPlan plan;
  plan.sources = chosen(table, request, "from", false);
  plan.destinations = chosen(table, request, "to", true);
  plan.probes.reserve(plan.sources.size() * plan.destinations.size());
  for (const Place* from : plan.sources) {
    for (const Place* to : plan.destinations) {
      add_matrix_probes(plan, table, *from, *to, like);
    }
  }
  return plan;
}

struct Cell {
  std::optional<Outcome> outcome;  // of the families, one that is not as wanted
  std::string backend;
  std::string reason;
};

// An answer counts only from the pod that was asked.
Cell cell_of(const engine::Result& result, const Place& to) {
  Cell cell{result.outcome, {}, result.reason};
  if (!result.backend.empty() && result.backend != to.id && !to.on_host_network) {
    cell.outcome = Outcome::WrongAnswer;
    cell.backend = result.backend;
  }
  return cell;
}

}  // namespace

json run_matrix(const engine::Engine& engine, const VantageTable& table, const json& request) {
  const MatrixPlan plan = plan_matrix(table, request);
  std::vector<Cell> cells(plan.wanted.size());
  const auto begin = std::chrono::steady_clock::now();
  engine.run(plan.probes, [&](const engine::Result& result) {
    Cell& cell = cells[result.probe->id];
    if (!cell.outcome || *cell.outcome == plan.wanted[result.probe->id]) {
      cell = cell_of(result, *plan.destinations[result.probe->id % plan.destinations.size()]);
    }
  });
  const auto elapsed = std::chrono::steady_clock::now() - begin;

  json rows = json::array(), wanted = json::array(), failures = json::array();
  std::size_t matching = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i % plan.destinations.size() == 0) {
      rows.push_back(json::array());
      wanted.push_back(json::array());
    }
    rows.back().push_back(probes::to_string(*cells[i].outcome));
    wanted.back().push_back(probes::to_string(plan.wanted[i]));
    if (cells[i].outcome == plan.wanted[i]) {
      ++matching;
      continue;
    }
    failures.push_back({{"from", plan.sources[i / plan.destinations.size()]->id},
                        {"to", plan.destinations[i % plan.destinations.size()]->id},
                        {"outcome", probes::to_string(*cells[i].outcome)},
                        {"wanted", probes::to_string(plan.wanted[i])},
                        {"backend", cells[i].backend},
                        {"reason", cells[i].reason}});
  }
  json sources = json::array(), destinations = json::array();
  for (const Place* place : plan.sources) {
    sources.push_back(place->id);
  }
  for (const Place* place : plan.destinations) {
    destinations.push_back(place->id);
  }
  return {{"sources", std::move(sources)},
          {"destinations", std::move(destinations)},
          {"rows", std::move(rows)},
          {"wanted", std::move(wanted)},
          {"ok", matching},
          {"total", cells.size()},
          {"failures", std::move(failures)},
          {"elapsed_ms", std::chrono::duration<double, std::milli>(elapsed).count()}};
}

}  // namespace labctl::supervisor
