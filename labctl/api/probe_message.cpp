#include "labctl/api/probe_message.hpp"

#include "labctl/api/request_reader.hpp"
#include "topology/base/error.hpp"

#include <limits>

namespace labctl::api {
namespace {

using nlohmann::json;
using probes::Outcome;

constexpr Range kProbeTimeoutMs{1, 600'000, "a timeout in milliseconds"};
constexpr Range kRetryMs{0, 600'000, "a time to retry in milliseconds"};
constexpr Range kCount{1, 1'000'000, "a count"};
constexpr Range kStatus{0, 599, "a status"};

// Of an answer.
constexpr Range kAnyStatus{0, 999, "a status"};
constexpr Range kMicroseconds{0, std::numeric_limits<std::uint32_t>::max(), "a time"};
constexpr Range kBodySize{0, std::numeric_limits<std::int64_t>::max(), "a size in bytes"};
constexpr Range kTries{0, std::numeric_limits<std::uint32_t>::max(), "a number of tries"};

// {"name","type","server","tcp","recurse","edns"}: how to ask, and what, unless the target says it.
void read_question(Fields& fields, ProbeRequest& request) {
  auto given = fields.object("dns");
  if (!given) {
    return;
  }
  ProbeRequest::Dns dns;
  dns.tcp = given->flag("tcp", dns.tcp);
  dns.recurse = given->flag("recurse", dns.recurse);
  dns.edns = given->flag("edns", dns.edns);
  dns.name = given->text("name");
  if (given->find("type") != nullptr) {
    dns.type = given->text("type");
  }
  dns.server = given->text("server");
  given->close();
  const bool is_all_here = request.to.empty() && !dns.name.empty();
  if (!is_all_here && !dns.server.empty()) {
    given->mistake("server", "\"to\" names the server");
  }
  if (request.to.starts_with("dns:") && (!dns.name.empty() || dns.type)) {
    fields.mistake("dns", "\"to\" says the name and the type");
  }
  request.dns = std::move(dns);
}

void read_http(Fields& fields, ProbeRequest& request) {
  auto given = fields.object("http");
  if (!given) {
    return;
  }
  const auto text = [&](const char* name) {
    return given->find(name) != nullptr ? std::optional<std::string>(given->text(name)) : std::nullopt;
  };
  ProbeRequest::Http http;
  http.method = text("method");
  http.path = text("path");
  http.host = text("host");
  http.body = given->text("body");
  http.status = static_cast<int>(given->number("status", kStatus, 0));
  http.headers = given->text_map("headers");
  given->close();
  request.http = std::move(http);
}

json http_json(const ProbeRequest::Http& http) {
  json value = json::object();
  const auto add = [&](const char* name, const std::optional<std::string>& text) {
    if (text) {
      value[name] = *text;
    }
  };
  add("method", http.method);
  add("path", http.path);
  add("host", http.host);
  if (!http.body.empty()) {
    value["body"] = http.body;
  }
  if (http.status != 0) {
    value["status"] = http.status;
  }
  for (const auto& [name, text] : http.headers) {
    value["headers"][name] = text;
  }
  return value;
}

json dns_json(const ProbeRequest::Dns& dns) {
  json value{{"tcp", dns.tcp}, {"recurse", dns.recurse}, {"edns", dns.edns}};
  if (!dns.name.empty()) {
    value["name"] = dns.name;
  }
  if (dns.type) {
    value["type"] = *dns.type;
  }
  if (!dns.server.empty()) {
    value["server"] = dns.server;
  }
  return value;
}

json dns_json(const ProbeResult::Dns& dns) {
  json value{{"server", dns.server}, {"rtt_us", dns.rtt_us}};
  if (dns.tcp) {
    value["tcp"] = true;
  }
  if (!dns.rcode.empty()) {
    value["rcode"] = dns.rcode;
    value["flags"] = dns.flags;
    value["answer"] = dns.answer;
    value["authority"] = dns.authority;
    value["additional"] = dns.additional;
  }
  json& queries = value["queries"] = json::array();
  for (const ProbeResult::Query& query : dns.queries) {
    queries.push_back(to_json(query));
  }
  return value;
}

json counts_json(const probes::OutcomeCounts& counts) {
  json value = json::object();
  for (const Outcome outcome : probes::kOutcomes) {
    if (counts[outcome] > 0) {
      value[std::string(probes::to_string(outcome))] = counts[outcome];
    }
  }
  return value;
}

// ---- Answers, read ------------------------------------------------------------------------------

Outcome outcome_in(Fields& fields) {
  const std::string word = fields.required_text("outcome");
  const auto outcome = probes::parse_outcome(word);
  if (!outcome && !word.empty()) {
    fields.mistake("outcome", "is no outcome");
  }
  return outcome.value_or(Outcome::Inconclusive);
}

std::uint32_t microseconds_in(Fields& fields, const char* name) {
  return static_cast<std::uint32_t>(fields.number(name, kMicroseconds, 0));
}

// {name: count}
template <typename Count>
std::map<std::string, Count> counts_in(Fields& fields, const char* name) {
  std::map<std::string, Count> counts;
  const json* value = fields.find(name);
  if (value == nullptr) {
    return counts;
  }
  bool fits = value->is_object();
  for (auto one = value->begin(); fits && one != value->end(); ++one) {
    fits = one->is_number_integer() && one->get<std::int64_t>() >= 0;
    counts[one.key()] = fits ? one->get<Count>() : 0;
  }
  if (!fits) {
    fields.mistake(name, "must be an object of numbers");
  }
  return counts;
}

std::optional<ProbeResult::Spread> spread_in(Fields& fields) {
  if (fields.find("outcomes") == nullptr) {
    return std::nullopt;
  }
  ProbeResult::Spread spread;
  spread.rtt_us_min = microseconds_in(fields, "rtt_us_min");
  spread.rtt_us_max = microseconds_in(fields, "rtt_us_max");
  for (const auto& [word, count] : counts_in<std::uint64_t>(fields, "outcomes")) {
    if (const auto outcome = probes::parse_outcome(word)) {
      spread.outcomes.add(*outcome, count);
    } else {
      fields.mistake("outcomes", "names what is no outcome");
    }
  }
  return spread;
}

std::optional<ProbeResult::Http> http_in(Fields& fields) {
  if (fields.find("status") == nullptr) {
    return std::nullopt;
  }
  ProbeResult::Http http;
  http.status = static_cast<int>(fields.number("status", kAnyStatus, 0));
  http.body = fields.text("body");
  http.body_size = static_cast<std::uint64_t>(fields.number("body_size", kBodySize, 0));
  for (auto& [name, value] : fields.text_map("headers")) {
    http.headers[name] = std::move(value);
  }
  return http;
}

std::optional<ProbeResult::Dns> dns_in(Fields& fields) {
  auto given = fields.object("dns");
  if (!given) {
    return std::nullopt;
  }
  ProbeResult::Dns dns;
  dns.server = given->text("server");
  dns.rtt_us = microseconds_in(*given, "rtt_us");
  dns.tcp = given->flag("tcp");
  dns.rcode = given->text("rcode");
  dns.flags = given->texts("flags");
  dns.answer = given->texts("answer");
  dns.authority = given->texts("authority");
  dns.additional = given->texts("additional");
  for (Fields& one : given->objects("queries")) {
    ProbeResult::Query query;
    query.name = one.text("name");
    query.type = one.text("type");
    query.server = one.text("server");
    query.outcome = outcome_in(one);
    query.rtt_us = microseconds_in(one, "rtt_us");
    query.rcode = one.text("rcode");
    dns.queries.push_back(std::move(query));
  }
  return dns;
}

}  // namespace

std::string ProbeRequest::target() const {
  if (!to.empty() || !dns) {
    return to;
  }
  return "dns:" + dns->name + "/" + question().type + (dns->server.empty() ? "" : "@" + dns->server);
}

protocol::DnsQuestion ProbeRequest::question() const {
  protocol::DnsQuestion question;
  if (dns) {
    question.name = dns->name;
    question.type = dns->type.value_or(question.type);
    question.tcp = dns->tcp;
    question.recurse = dns->recurse;
    question.edns = dns->edns;
  }
  return question;
}

ProbeRequest parse_probe(const json& body, const std::string& path) {
  Mistakes mistakes;
  Fields fields(body, path, mistakes);
  ProbeRequest request;
  if (const json* id = fields.find("id")) {
    request.id = *id;
  }
  request.from = fields.required_text("from");
  request.to = fields.text("to");
  read_question(fields, request);
  if (request.to.empty() && (!request.dns || request.dns->name.empty())) {
    fields.required_text("to");
  }
  if (const std::string proto = fields.text("proto"); !proto.empty()) {
    request.protocol = protocol::parse_probe_protocol(proto);
    if (!request.protocol) {
      fields.mistake("proto", "is none of tcp, udp, sctp, icmp, http, dns");
    }
  }
  request.timeout = std::chrono::milliseconds(fields.number("timeout_ms", kProbeTimeoutMs, 1000));
  request.count = static_cast<std::uint32_t>(fields.number("count", kCount, 1));
  request.percentiles = fields.flag("percentiles");
  request.whole_body = fields.flag("whole_body");
  request.source_port = static_cast<std::uint16_t>(fields.number("source_port", kPortOrNone, 0));
  request.retry_within = std::chrono::milliseconds(fields.number("retry_within_ms", kRetryMs, 0));
  if (const std::string expect = fields.text("expect"); !expect.empty()) {
    const auto outcome = probes::parse_outcome(expect);
    if (!outcome) {
      fields.mistake("expect", "is none of " + probes::outcome_names());
    }
    request.expect = outcome.value_or(request.expect);
  }
  read_http(fields, request);
  fields.close();
  mistakes.throw_if_any();
  return request;
}

json to_json(const ProbeRequest& request) {
  json body{{"from", request.from}, {"timeout_ms", request.timeout.count()}, {"count", request.count}};
  const auto add = [&](const char* name, bool is_said, const auto& value) {
    if (is_said) {
      body[name] = value;
    }
  };
  add("id", !request.id.is_null(), request.id);
  add("to", !request.to.empty(), request.to);
  add("percentiles", request.percentiles, true);
  add("whole_body", request.whole_body, true);
  add("source_port", request.source_port != 0, request.source_port);
  add("retry_within_ms", request.retry_within.count() != 0, request.retry_within.count());
  add("expect", request.expect != Outcome::Ok, probes::to_string(request.expect));
  if (request.protocol) {
    body["proto"] = protocol::to_string(*request.protocol);
  }
  if (request.http) {
    body["http"] = http_json(*request.http);
  }
  if (request.dns) {
    body["dns"] = dns_json(*request.dns);
  }
  return body;
}

json to_json(const ProbeResult::Query& query) {
  json value{{"name", query.name},
             {"type", query.type},
             {"server", query.server},
             {"outcome", probes::to_string(query.outcome)},
             {"rtt_us", query.rtt_us}};
  if (!query.rcode.empty()) {
    value["rcode"] = query.rcode;
  }
  return value;
}

json to_json(const ProbeResult& result) {
  json line{{"outcome", probes::to_string(result.outcome)}};
  const auto add = [&](const char* name, bool is_said, const auto& value) {
    if (is_said) {
      line[name] = value;
    }
  };
  add("id", !result.id.is_null(), result.id);
  add("hint", !result.hint.empty(), result.hint);
  if (!result.error.empty()) {
    line["error"] = result.error;
    return line;
  }
  line["tries"] = result.tries;
  add("backend", !result.backend.empty(), result.backend);
  if (result.source) {
    line["source"] = to_string(*result.source);
  }
  add("rtt_us", result.rtt_us != 0, result.rtt_us);
  add("rtt_percentiles_us", !result.rtt_percentiles_us.empty(), result.rtt_percentiles_us);
  if (result.spread) {
    line["rtt_us_min"] = result.spread->rtt_us_min;
    line["rtt_us_max"] = result.spread->rtt_us_max;
    line["outcomes"] = counts_json(result.spread->outcomes);
  }
  add("responses", !result.responses.empty(), result.responses);
  if (result.http) {
    line["status"] = result.http->status;
    line["body"] = result.http->body;
    add("body_size", result.http->body_size != 0, result.http->body_size);
    line["headers"] = result.http->headers;
  }
  if (result.dns) {
    line["dns"] = dns_json(*result.dns);
  }
  add("reason", !result.reason.empty(), result.reason);
  return line;
}

ProbeResult parse_probe_result(const json& body) {
  return read_reply([&](Mistakes& mistakes) {
    Fields fields(body, "", mistakes);
    ProbeResult result;
    if (const json* id = fields.find("id")) {
      result.id = *id;
    }
    result.outcome = outcome_in(fields);
    result.error = fields.text("error");
    result.hint = fields.text("hint");
    result.tries = static_cast<std::uint32_t>(fields.number("tries", kTries, 0));
    result.backend = fields.text("backend");
    if (const std::string source = fields.text("source"); !source.empty()) {
      result.source = IpAddress::parse(source);
      if (!result.source) {
        fields.mistake("source", "is no address");
      }
    }
    result.rtt_us = microseconds_in(fields, "rtt_us");
    result.rtt_percentiles_us = counts_in<std::uint32_t>(fields, "rtt_percentiles_us");
    result.spread = spread_in(fields);
    result.responses = counts_in<std::uint64_t>(fields, "responses");
    result.http = http_in(fields);
    result.dns = dns_in(fields);
    result.reason = fields.text("reason");
    return result;
  });
}

ProbeResult parse_probe_line(std::string_view line) {
  return parse_probe_result(read_reply([&](Mistakes&) { return parse_json(line, "the answer to a probe"); }));
}

}  // namespace labctl::api
